import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { reproducibleRng, signCheckpoint } from '../../privacy/index.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { commitmentOf } from '../../src/train/index.ts';
import { openRelease, verify, type Verification, type VerifyOptions } from '../../src/verify/index.ts';
import { subjectOf } from '../../src/verify/subject.ts';
import { findingOf, rules } from '../../src/verify/verification.ts';
import { jsonOf } from '../support/tiny-job.ts';
import { changed, jsonText, to } from './changes.ts';
import { edits } from './edits.ts';
import { logEdits } from './log-edits.ts';
import { newSigner, releasedRuns, type Released } from './released-run.ts';

/** Two runs, charged to one ledger, approved, tested, audited, reported and signed. */
let released: Released;
let clean: Verification;

beforeAll(async () => {
  released = await releasedRuns(2);
  clean = await verify(released.runs[0]!, trusting());
});
afterAll(() => released.remove());

function trusting(): VerifyOptions {
  return { trust: [released.signer.verifier.text] };
}

function outcomeOf({ checks }: Verification, id: string): string {
  const { outcome, detail } = checks.find((check) => check.id === id)!;
  return `${outcome}: ${detail}`;
}

function failing({ checks }: Verification): string[] {
  return checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
}

describe('a run as it was made', () => {
  test('passes every check that can be made', () => {
    expect(failing(clean)).toEqual([]);
    expect(clean).toMatchObject({ passed: true, stamp: 'PRIVATE', source: 'run' });
    const left = clean.checks.filter(({ outcome }) => outcome === 'not checked').map(({ id }) => id);
    expect(left).toEqual(['checkpoint']);
    expect(outcomeOf(clean, 'steps')).toContain('head 6 of 6; compared with plan, ledger, journal');
    expect(outcomeOf(clean, 'ledger')).toContain('approved by officer+');
  });

  test('shows a signature by a key that nobody named as what it is', async () => {
    const found = await foundBy('attestation', join(released.runs[0]!, 'release'), {});
    expect(found).toMatch(/^not checked: it fits, and is signed by lab\+/);
  });

  test('does not pass for someone who trusts another key', async () => {
    const stranger = newSigner('lab').verifier.text;
    expect(await foundBy('attestation', released.runs[0]!, { trust: [stranger] })).toBe(
      'failed: is signed by none of the trusted keys',
    );
  });
});

/** One check alone. */
async function foundBy(id: string, run: string, options: VerifyOptions): Promise<string> {
  const rule = rules.find((one) => one.id === id)!;
  const { outcome, detail } = await findingOf(rule, await subjectOf(await openRelease(run), options));
  return `${outcome}: ${detail}`;
}

/** Checks that build the report, its page or the audit anew take a second each: a few edits here, all of them in `bench/tamper.ts`. */
const slow = ['report', 'renderings', 'audit'];
const chosen = [
  'report.json: attack rate',
  'report.json: status of a hazard',
  'metrics.json: accuracy',
  'report.html: heading',
  'bom.cdx.json: epsilon',
  'audit.json: a score',
  'audit.json: a coin',
];

describe('G34, G29: one change is found', () => {
  test.each(
    edits.filter(
      ({ name, found }) => found !== 'refused' && (!slow.includes(found) || chosen.includes(name)),
    ),
  )('$name, by $found', async ({ found, apply }) => {
    const [victim, other] = released.runs;
    const run = released.copy(victim!);
    await apply(run, other!);
    expect(await foundBy(found, run, trusting())).toMatch(/^failed/);
  });

  test.each(edits.filter(({ found }) => found === 'refused'))(
    '$name, before anything is read',
    async ({ apply }) => {
      const run = released.copy(released.runs[0]!);
      await apply(run, released.runs[1]!);
      await expect(verify(run)).rejects.toMatchObject({ code: 'verification' });
    },
  );
});

test('G34: coins tossed again after the training are found, though they fit their own commitment', async () => {
  expect(outcomeOf(clean, 'audit')).toContain(
    'the ledger had the commitment to their coins before the first step',
  );
  const run = released.copy(released.runs[0]!);
  const path = join(run, 'release', 'audit.json');
  const { coins, nonce, ...audit } = await jsonOf<{
    coins: string;
    nonce: string;
    preregisteredHash: string;
  }>(path);
  const tossed = { nonce: nonce.replaceAll('0', '1'), coins: coins.split('').toReversed().join('') };
  const commitment = commitmentOf(audit.preregisteredHash, tossed);
  await writeFile(path, jsonText({ ...audit, ...tossed, commitment }));
  const found = await foundBy('audit', run, trusting());
  expect(found).toContain('failed: the ledger has another commitment');
  expect(found).toContain('private/start.json has another');
  // Where neither is at hand, what follows from the coins is found to be another.
  await rm(join(run, 'release', 'ledger.json'));
  expect(await foundBy('audit', join(run, 'release'), trusting())).toMatch(/^failed: results/);
});

async function checkpointOf(run: string): Promise<string> {
  return (await jsonOf<{ checkpoint: string }>(join(run, 'release', 'ledger.json'))).checkpoint;
}

test('G34: any change of the ledger, anywhere, is found by its own check', async () => {
  const run = released.copy(released.runs[0]!);
  const path = join(run, 'release', 'ledger.json');
  const document = await jsonOf<object>(path);
  const rng = reproducibleRng('ledger');
  const places = placesIn(document);
  const missed: string[] = [];
  for (let k = 0; k < 60; k++) {
    const place = places[rng.integer(places.length)]!;
    const junk = [undefined, null, -1, 'x', [], {}][rng.integer(6)];
    await writeFile(path, jsonText(changed(document, place, to(junk))));
    if (!(await foundBy('ledger', run, {})).startsWith('failed'))
      missed.push(`${place}: ${JSON.stringify(junk)}`);
  }
  expect(missed).toEqual([]);
});

function placesIn(value: unknown, place = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = place === '' ? key : `${place}.${key}`;
    return [here, ...placesIn(inner, here)];
  });
}

describe('G34: a checkpoint seen earlier', () => {
  test('fits the log that grew since then, and shows every change of it', async () => {
    const [first, second] = released.runs as [string, string];
    const checkpoint = await checkpointOf(first);
    const { log } = released;
    expect(await foundBy('checkpoint', second, { checkpoint, log })).toBe(
      `passed: the log of ${log.length} entries contains both checkpoints`,
    );
    const missed: string[] = [];
    for (const { name, change } of logEdits) {
      const found = await foundBy('checkpoint', second, { checkpoint, log: change(log) });
      if (!found.startsWith('failed')) missed.push(name);
    }
    expect(missed).toEqual([]);
  });

  test('is not taken for checked without the log, nor from a stranger or another log', async () => {
    const [first, second] = released.runs as [string, string];
    const checkpoint = await checkpointOf(first);
    const alone = await verify(second, { checkpoint });
    expect(alone.passed).toBe(false);
    expect(outcomeOf(alone, 'checkpoint')).toContain('not checked: the checkpoint has');
    const { head } = await jsonOf<{ head: { origin: string; size: number; root: string } }>(
      join(second, 'release', 'ledger.json'),
    );
    const rewritten = signCheckpoint({ ...head, root: 'a'.repeat(64) }, [released.signer]);
    const elsewhere = signCheckpoint({ ...head, origin: 'elsewhere' }, [released.signer]);
    const stranger = signCheckpoint(head, [newSigner('stranger')]);
    expect(await foundBy('checkpoint', second, { checkpoint: await checkpointOf(second) })).toContain(
      'passed',
    );
    expect(await foundBy('checkpoint', second, { checkpoint: rewritten })).toContain('the log was rewritten');
    expect(await foundBy('checkpoint', second, { checkpoint: elsewhere })).toContain(
      'is of the log elsewhere',
    );
    expect(await foundBy('checkpoint', second, { checkpoint: stranger })).toContain(
      'signed by no trusted key',
    );
  });
});

describe('the commands', () => {
  test('verify says what failed, and exits with its code', async () => {
    const run = released.copy(released.runs[0]!);
    await writeFile(join(run, 'release', 'notes.txt'), 'x');
    const lines: string[] = [];
    const spy = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text: string | Uint8Array) => lines.push(String(text)) > 0);
    try {
      await expect(runCommandLine(['verify', run, '--json'])).rejects.toMatchObject({ code: 'verification' });
    } finally {
      spy.mockRestore();
    }
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.filter(({ event }) => event === 'check')[2]).toMatchObject({
      id: 'files',
      outcome: 'failed',
    });
    expect(events).toContainEqual(expect.objectContaining({ event: 'done', passed: false }));
  });

  test('bundle signs with a key of the user, and packs only what verifies', async () => {
    const run = released.copy(released.runs[0]!);
    const keys = join(run, 'data');
    vi.stubEnv('DPTUNE_HOME', keys);
    vi.stubEnv('DPTUNE_PASSPHRASE', 'a passphrase of a test');
    const spy = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const [good, bad] = [join(run, 'good.tar'), join(run, 'bad.tar')];
    try {
      await runCommandLine(['keys', 'new', 'clerk', '--json']);
      await runCommandLine(['bundle', run, '--out', good, '--key', 'clerk', '--json']);
      await writeFile(join(run, 'release', 'notes.txt'), 'x');
      const refused = runCommandLine(['bundle', run, '--out', bad, '--json']);
      await expect(refused).rejects.toMatchObject({ code: 'verification' });
    } finally {
      spy.mockRestore();
      vi.unstubAllEnvs();
    }
    const key = (await readFile(join(keys, 'keys', 'clerk.pub'), 'utf8')).trim();
    expect(await foundBy('attestation', good, { trust: [key] })).toBe(`passed: signed by ${key}`);
    expect(existsSync(bad)).toBe(false);
  });
});
