/**
 * Kills one training job with SIGKILL at 20 random moments, start-up and release included, resuming each time, and
 * shows that plan, journal and released steps agree and that no broken file is left.
 *
 *     npx tsx bench/kill.ts [kills] [seed]
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reproducibleRng } from '../privacy/index.ts';
import { runCommand, type Interruption } from '../test/support/kill-process.ts';
import {
  createWorkplace,
  filesIn,
  jsonOf,
  releasedWeights,
  tensorsIn,
  tinyJobFile,
} from '../test/support/tiny-job.ts';

const kills = Number(process.argv[2] ?? 20);
const rng = reproducibleRng(process.argv[3] ?? 'kill');
const steps = 3000;

const place = await createWorkplace();
try {
  const job = await tinyJobFile(place, {
    privacy: { noiseMultiplier: 3 },
    train: {
      method: undefined,
      phases: [
        { name: 'head', method: 'head', steps: steps / 2 },
        { name: 'all', method: 'full', steps: steps / 2 },
      ],
    },
    checkpoint: { everySteps: 10 },
  });
  const out = join(place.root, 'run');
  const journal = join(out, 'private', 'journal.ndjson');
  const checkpoint = join(out, 'private', 'checkpoint.safetensors');
  const charged = (): Promise<number> => charges(journal);
  const begun = (): boolean => existsSync(join(out, 'private', 'start.json'));

  const table: Record<string, string | number>[] = [];
  let code: number | null = null;
  while (code !== 0) {
    const done = table.length;
    const args = begun() ? ['train', '--resume', out] : ['train', job, '--out', out];
    const before = await charged();
    const ended = await runCommand(args, done < kills ? moment(done) : undefined);
    if (ended.signal === null && ended.code !== 0) throw new Error(ended.errors);
    code = ended.code;
    // Whatever was left must be whole.
    if (existsSync(checkpoint)) await tensorsIn(checkpoint);
    table.push({
      process: done + 1,
      ended: ended.signal ?? `exit ${ended.code}`,
      'charged before': before,
      'charged after': await charged(),
      temporary: begun() ? (await filesIn(out)).filter((name) => name.endsWith('.tmp')).length : 0,
    });
    if (done > 3 * kills) throw new Error('no progress');
  }
  console.table(table);
  const plan = await jsonOf<{ privacy: { phases: { steps: number }[] } }>(join(out, 'release', 'plan.json'));
  const planned = plan.privacy.phases.reduce((sum, phase) => sum + phase.steps, 0);
  const finite = Object.values(await releasedWeights(out)).every((values) => values.every(Number.isFinite));
  const left = (await filesIn(join(out, 'release'))).filter((name) => name.endsWith('.tmp'));
  const killed = table.filter(({ ended }) => ended === 'SIGKILL').length;
  console.log(
    `${killed} kills; steps planned ${planned}, charged ${await charged()}; temporary files in release/: ${left.length}; released weights finite: ${finite}`,
  );
  if (planned !== (await charged()) || left.length > 0 || !finite) process.exitCode = 1;
} finally {
  place.remove();
}

/** A third of the kills may fall into start-up; the others after the first step. */
function moment(index: number): Interruption {
  return index % 3 === 2
    ? { signal: 'SIGKILL', after: 6000 * rng.uniform(), from: 'start' }
    : { signal: 'SIGKILL', after: 600 * rng.uniform(), from: 'first step' };
}

/** Lines of the journal; a torn last one is no charge. */
async function charges(path: string): Promise<number> {
  return existsSync(path) ? (await readFile(path, 'utf8')).split('\n').length - 1 : 0;
}
