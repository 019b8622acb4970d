import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEventFile } from '../../src/evaluate/index.ts';

interface Golden {
  readonly start: number;
  readonly events: readonly { wallTime: number; step: number; scalars: Record<string, number | string> }[];
  readonly file: string;
}

/** Written by test/golden/metrics-tensorboard.py. */
const golden = JSON.parse(
  readFileSync(new URL('../golden/metrics-tensorboard.json', import.meta.url), 'utf8'),
) as Golden;

const directory = mkdtempSync(join(tmpdir(), 'dptune-events-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('event files', () => {
  it("are byte for byte what TensorBoard's own writer makes", () => {
    const times = [golden.start, ...golden.events.map(({ wallTime }) => wallTime)];
    const file = createEventFile(join(directory, 'a', 'b'), () => times.shift()!);
    for (const { step, scalars } of golden.events) {
      file.write(
        step,
        Object.fromEntries(Object.entries(scalars).map(([tag, value]) => [tag, Number(value)])),
      );
    }
    file.close();
    expect(basename(file.path)).toBe('events.out.tfevents.1700000000');
    expect(readFileSync(file.path).toString('hex')).toBe(golden.file);
  });

  it('never overwrite one another', () => {
    const folder = join(directory, 'c');
    for (let run = 0; run < 3; run++) createEventFile(folder, () => 1).close();
    expect(readdirSync(folder).sort()).toEqual([
      'events.out.tfevents.0000000001',
      'events.out.tfevents.0000000001.1',
      'events.out.tfevents.0000000001.2',
    ]);
  });
});
