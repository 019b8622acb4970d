import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportEngines } from '../../src/commands/engines.ts';
import { createOutput } from '../../src/commands/output.ts';
import { probe, type ProbeResult, type ProbeTarget, probeTargets } from '../../src/engines/probe.ts';

describe('a child that goes wrong', () => {
  const target: ProbeTarget = { engine: 'tfjs', backend: 'tensorflow' };
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dptune-probe-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function reasonOf(source: string, timeout = 30_000): Promise<string> {
    const file = join(folder, `child-${source.length}.mjs`);
    writeFileSync(file, source);
    const result = await probe(target, { child: pathToFileURL(file), timeout });
    expect(result).toMatchObject({ ...target, loads: false });
    return result.loads ? '' : result.reason;
  }

  test.each([
    ['a crash of a native library', `process.kill(process.pid, 'SIGSEGV')`, 'ended with SIGSEGV'],
    [
      'an exit',
      `console.error('first'); console.error('no such thing'); process.exit(3)`,
      'ended with exit code 3: no such thing',
    ],
    ['an error', `process.send({ error: 'wasm: no such file' })`, 'no such file'],
    [
      "onnxruntime's error",
      `process.send({ error: 'onnxruntime: /src/a.cc:1 void f(int) x == y was false. No adapter' + String.fromCharCode(10) })`,
      'No adapter',
    ],
  ])('is reported: %s', async (_, source, reason) => {
    expect(await reasonOf(source)).toBe(reason);
  });

  test('is stopped when it hangs', async () => {
    expect(await reasonOf('setInterval(() => {}, 1000)', 300)).toBe('did not answer within 0.3 s');
  });

  test('leads to the remedy', async () => {
    const file = join(folder, 'missing.mjs');
    writeFileSync(file, `process.send({ error: 'tensorflow: @tensorflow/tfjs-node-gpu is not installed' })`);
    const missing = await probe(target, { child: pathToFileURL(file) });
    expect(missing.remedy).toMatch(/npm install .*tfjs-node-gpu@4\.22\.0.*scripts\/tfjs-build\.sh/);
    writeFileSync(
      file,
      `process.send({ error: 'tensorflow: the binding of @tensorflow/tfjs-node-gpu is not built' })`,
    );
    const unbuilt = await probe(target, { child: pathToFileURL(file) });
    expect(unbuilt.remedy).toMatch(/^build its binding: bash .*scripts\/tfjs-build\.sh$/);
  });
});

describe('dptune engines', () => {
  test('tells of every engine what it is or why it does not load', { timeout: 120_000 }, async () => {
    const lines: string[] = [];
    const stream = { write: (text: string) => lines.push(text) };
    await reportEngines(createOutput({ json: true, stdout: stream, stderr: stream, tty: false }), {
      duration: 20,
    });
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({ event: 'machine', node: process.version });
    expect(events.at(-1)).toEqual({ event: 'done', auto: 'onnx' });
    const found = events.slice(1, -1) as unknown as ProbeResult[];
    expect(found.map(({ engine, backend }) => ({ engine, backend }))).toEqual(probeTargets);
    const loaded = found.filter((result) => result.loads);
    expect(loaded.map(({ engine, backend }) => `${engine} ${backend}`)).toEqual(
      expect.arrayContaining(['onnx cpu', 'tfjs wasm', 'tfjs cpu']),
    );
    expect(
      loaded.filter(({ device, gflops }) => !/\d\.\d/.test(device) || !(gflops > 0.01 && gflops < 1e6)),
    ).toEqual([]);
    const failed = found.filter((result) => !result.loads);
    expect(failed.filter(({ reason, remedy }) => reason === '' || remedy === '')).toEqual([]);
  });
});
