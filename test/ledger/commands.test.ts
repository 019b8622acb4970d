import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPrivateKey } from 'node:crypto';
import { DptuneError, verifyInclusion, type Checkpoint, type LogEntry } from '../../privacy/index.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { dataDirectory, ledgerUrl } from '../../src/ledger/index.ts';

const home = mkdtempSync(join(tmpdir(), 'dptune-home-'));
const passphrase = 'a passphrase of a test';
beforeAll(() => {
  vi.stubEnv('DPTUNE_HOME', home);
  vi.stubEnv('DPTUNE_LEDGER', '');
  vi.stubEnv('DPTUNE_PASSPHRASE', passphrase);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

type Event = Readonly<Record<string, unknown>>;

/** Runs a command, as the command line does. */
async function run(...args: readonly string[]): Promise<{ events: Event[]; text: string }> {
  const written: string[] = [];
  const keep = (chunk: unknown): boolean => {
    written.push(String(chunk));
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(keep),
  );
  try {
    await runCommandLine(args);
  } finally {
    spies.forEach((spy) => spy.mockRestore());
  }
  const text = written.join('');
  const lines = args.includes('--json') ? text.split('\n').filter((line) => line.startsWith('{')) : [];
  return { events: lines.map((line) => JSON.parse(line) as Event), text };
}

const eventFile = join(home, 'event.json');
const gaussian = (noiseMultiplier: number) =>
  writeFileSync(eventFile, JSON.stringify({ kind: 'gaussian', noiseMultiplier }));
const people = ['--description', 'people', '--unit', 'record', '--delta', '1e-6'];

describe('dptune budget', () => {
  test('opens, shows, forecasts, reserves, releases and closes', async () => {
    await run('budget', 'init', 'staff', ...people, '--mu', '1', '--review', '2020-01-01');
    gaussian(2);
    const forecast = await run('budget', 'whatif', '--scope', 'staff', '--event', eventFile, '--json');
    expect(forecast.events).toEqual([expect.objectContaining({ event: 'whatif', fits: true, remedy: null })]);
    const { events } = await run('budget', 'reserve', '--scope', 'staff', '--event', eventFile, '--json');
    const { id } = (events[0] as { job: { id: string } }).job;
    expect((await run('budget', 'show', 'staff')).text).toMatch(
      /staff +record +mu +1 +0\.5 +0\.86603 +1 +1 +review was due/,
    );
    await run('budget', 'release', id, '--spent');
    await expect(run('budget', 'release', 'nobody')).rejects.toThrow('knows no such reservation');
    const shown = await run('budget', 'show', '--as', 'epsilon,mu,rho', '--json');
    expect(shown.events[0]).toMatchObject({
      event: 'scope',
      unit: 'mu',
      budget: 1,
      committed: 0.5,
      remaining: 0.5,
    });
    gaussian(1);
    await expect(run('budget', 'reserve', '--scope', 'staff', '--event', eventFile)).rejects.toMatchObject({
      code: 'budget',
      message: expect.stringMatching(
        /^scope=staff: requested mu 0\.6181, remaining 0\.5, short by 0\.1181\. It would fit with noise multiplier 1\.1[56]\d*\.$/,
      ) as string,
    });
    await run('budget', 'close', 'staff', '--reason', 'done');
    gaussian(50);
    await expect(run('budget', 'reserve', '--scope', 'staff', '--event', eventFile)).rejects.toThrow(
      'is closed',
    );
  });

  test('gives back what was reserved and not used', async () => {
    await run('budget', 'init', 'guests', ...people, '--rho', '0.5');
    gaussian(2);
    const { events } = await run('budget', 'reserve', '--scope', 'guests', '--event', eventFile, '--json');
    await run('budget', 'release', (events[0] as { job: { id: string } }).job.id);
    const shown = await run('budget', 'show', 'guests', '--json');
    expect(shown.events[0]).toMatchObject({ committed: 0, remaining: 0.5 });
  });

  test('logs, proves, exports and verifies, with a checkpoint to come back to', async () => {
    const note = join(home, 'checkpoint');
    const exported = join(home, 'log.ndjson');
    await run('keys', 'new', 'lab');
    await run('budget', 'verify', '--key', 'lab', '--out', note);
    const log = await run('budget', 'log', '--json');
    const entries = log.events.map(({ entry }) => entry as LogEntry);
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, k) => k));
    const { events } = await run('budget', 'prove', '--seq', '2', '--json');
    const { entry, proof, head } = events[0] as unknown as {
      entry: LogEntry;
      proof: string[];
      head: Checkpoint;
    };
    expect(entry).toEqual(entries[2]);
    expect(verifyInclusion({ leaf: entry.hash, index: 2, size: head.size, root: head.root }, proof)).toBe(
      true,
    );
    await run('budget', 'export', '--out', exported);
    expect(
      readFileSync(exported, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as LogEntry),
    ).toEqual(entries);
    await run('budget', 'init', 'later', ...people, '--rho', '0.5');
    expect((await run('budget', 'verify', '--checkpoint', note)).text).toMatch(/entries, sound; root/);
    await expect(
      run('budget', 'verify', '--checkpoint', note, '--ledger', join(home, 'other.db')),
    ).rejects.toMatchObject({
      code: 'verification',
    });
  });

  test.each([
    [['budget'], /action: is missing; dptune budget init\|show/],
    [['budget', 'shwo'], /command=shwo: is unknown; did you mean show/],
    [['budget', 'init', 'x', ...people], /exactly one of --epsilon, --rho and --mu/],
    [['budget', 'init', 'x', ...people, '--mu', '1', '--rho', '1'], /exactly one of/],
    [['budget', 'init', 'x', ...people, '--epsilon', '-1'], /budget.epsilon=-1/],
    [['budget', 'show', 'x', '--as', 'bits'], /--as=bits/],
    [['budget', 'show', 'nobody'], /scope=nobody: the ledger has none/],
    [['budget', 'whatif', '--scope', 'guests'], /plan, event: one of them/],
    [['budget', 'show', '--ledger', 'mysql://x:secret@y'], /ledger=mysql:\/\/x:\.\.\.@y: must be a path/],
    [['budget', 'prove', '--seq', '999'], /index=999/],
    [['budget', 'approve', 'nothing', '--key', 'lab'], /is neither a file nor the 64 digits/],
    [['keys', 'nwe', 'x'], /command=nwe: is unknown; did you mean new/],
    [['keys', 'trust', 'nonsense'], /is not an Ed25519 verifier key/],
  ])('%j is refused', async (args, message) => {
    await expect(run(...args)).rejects.toThrow(message);
    await expect(run(...args)).rejects.toBeInstanceOf(DptuneError);
  });
});

describe('dptune keys', () => {
  test('are encrypted at rest, readable by their owner alone, and never shown', async () => {
    const { text, events } = await run('keys', 'new', 'ann', '--json');
    const { publicKey } = events[0] as { publicKey: string };
    expect(publicKey).toMatch(/^ann\+[0-9a-f]{8}\+/);
    const path = join(home, 'keys', 'ann.pem');
    const pem = readFileSync(path, 'utf8');
    expect(pem).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'keys')).mode & 0o777).toBe(0o700);
    expect(createPrivateKey({ key: pem, passphrase }).asymmetricKeyType).toBe('ed25519');
    expect(() => createPrivateKey({ key: pem, passphrase: 'another passphrase' })).toThrow(/decrypt/);
    expect(text).not.toContain('PRIVATE');
    expect((await run('keys', 'show', 'ann')).text.trim()).toBe(publicKey);
    await expect(run('keys', 'new', 'ann')).rejects.toThrow(/exists already/);
  });

  test('approve plans once they are trusted, and no longer once they are not', async () => {
    const plan = 'c'.repeat(64);
    const { publicKey } = (await run('keys', 'new', 'bob', '--json')).events[0] as { publicKey: string };
    const counted = async () =>
      (await run('budget', 'approve', plan, '--key', 'bob', '--json')).events[0]!['approvals'];
    expect(await counted()).toBe(0);
    await run('keys', 'trust', publicKey);
    expect(await counted()).toBe(1);
    await run('keys', 'trust', publicKey, '--revoke');
    expect(await counted()).toBe(0);
  });

  test('open with their passphrase only, from a file too', async () => {
    const file = join(home, 'passphrase');
    writeFileSync(file, 'a passphrase in a file\n');
    await run('keys', 'new', 'eve', '--passphrase-file', file);
    const plan = 'd'.repeat(64);
    await run('budget', 'approve', plan, '--key', 'eve', '--passphrase-file', file);
    await expect(run('budget', 'approve', plan, '--key', 'eve')).rejects.toThrow(
      /does not open with this passphrase/,
    );
    await expect(run('budget', 'approve', plan, '--key', 'nobody')).rejects.toThrow(/There are .*eve/);
    writeFileSync(file, 'short\n');
    await expect(run('keys', 'new', 'mal', '--passphrase-file', file)).rejects.toThrow(/at least 12/);
    await expect(run('keys', 'new', '../mal')).rejects.toThrow(/must be letters/);
    vi.stubEnv('DPTUNE_PASSPHRASE', '');
    await expect(run('budget', 'approve', plan, '--key', 'eve')).rejects.toThrow(/no terminal to ask on/);
    vi.stubEnv('DPTUNE_PASSPHRASE', passphrase);
  });
});

describe('the place of ledger and keys', () => {
  test.each([
    [{ DPTUNE_HOME: '/own' }, 'linux', '/own'],
    [{ XDG_DATA_HOME: '/data' }, 'linux', '/data/dptune'],
    [{ LOCALAPPDATA: '/local' }, 'win32', '/local/dptune'],
  ])('%j on %s is %s', (env, platform, expected) => {
    expect(dataDirectory(env, platform)).toBe(expected);
  });

  test('goes by what was given, then by DPTUNE_LEDGER, then the user’s own file', () => {
    expect(ledgerUrl('given.db', { DPTUNE_LEDGER: 'env.db' })).toBe('given.db');
    expect(ledgerUrl(undefined, { DPTUNE_LEDGER: 'env.db' })).toBe('env.db');
    expect(ledgerUrl(undefined, { DPTUNE_HOME: '/own' })).toBe('/own/ledger.db');
  });
});
