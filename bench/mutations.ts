/**
 * The mutation zoo: what tier 0, or else whole runs, say of each mistake, and how often it is wrong about sources without any.
 *
 *     npx tsx bench/mutations.ts [clean runs] [names of mutations, by a part]
 */
import { checkConformance, efforts } from '../src/conformance/index.ts';
import { openJob, startEngine } from '../src/train/index.ts';
import { createWorkplace, tinyJob } from '../test/support/tiny-job.ts';
import { tryMutation } from '../test/mutations/cage.ts';
import { zoo } from '../test/mutations/zoo.ts';

const cleanRuns = Number(process.argv[2] ?? 20);
const wanted = process.argv[3] ?? '';

const table = [];
for (const mutation of zoo.filter(({ name }) => name.includes(wanted))) {
  const { name } = mutation;
  const { tier, caughtBy, seconds } = await tryMutation(mutation);
  const caught = tier === undefined ? 'MISSED' : `${tier}: ${caughtBy.join(', ')}`;
  table.push({ mutation: name, G36: mutation.listed ? 'yes' : '', caught, seconds: seconds.toFixed(1) });
}
console.table(table);

const place = await createWorkplace();
const config = await tinyJob(place);
const engine = await startEngine(config);
let [alarms, bound] = [0, 0];
const started = performance.now();
for (let run = 0; run < cleanRuns; run++) {
  const job = await openJob(config);
  const { passed, falseAlarm, checks } = await checkConformance(job, efforts.start, engine);
  await job.model.directory.close();
  bound = falseAlarm;
  if (passed) continue;
  alarms += 1;
  console.log(checks.filter((check) => !check.passed));
}
await engine.dispose();
place.remove();
const seconds = (performance.now() - started) / 1000;
console.log(
  `${alarms} false alarms in ${cleanRuns} clean runs (at most ${bound.toExponential(1)} each by design), ${(seconds / Math.max(1, cleanRuns)).toFixed(2)} s a run`,
);
const missed = table.filter(({ caught }) => caught === 'MISSED');
if (missed.length > 0 || alarms > 0) process.exitCode = 1;
