import { checkConformance, efforts } from '../../src/conformance/index.ts';
import { openJob } from '../../src/train/index.ts';
import {
  byWriter,
  createWorkplace,
  largestDifference,
  newRun,
  releasedWeights,
  runJob,
  tinyJob,
  type JobSettings,
} from '../support/tiny-job.ts';

/** Small jobs that show different parts of a trainer. */
const jobs = {
  head: {},
  full: { train: { method: 'full' } },
  lora: { train: { method: 'lora', lora: { rank: 2 } } },
  user: byWriter,
  correlated: { privacy: { mechanism: { kind: 'banded-matrix', bands: 3 } } },
} as const satisfies Readonly<Record<string, JobSettings>>;

export type Kind = keyof typeof jobs;

/** What tier 0 says of a job on the sources that this file lies in: which checks fail. */
export async function failedChecks(kind: Kind): Promise<string[]> {
  const place = await createWorkplace();
  try {
    const job = await openJob(await tinyJob(place, jobs[kind]));
    try {
      const { checks } = await checkConformance(job, efforts.start);
      return checks.filter(({ passed }) => !passed).map(({ id }) => id);
    } finally {
      await job.model.directory.close();
    }
  } finally {
    place.remove();
  }
}

/** For what tier 0 cannot see, because it chooses its own streams: whether two runs of a job come to the same weights. */
export async function runsRepeat(kind: Kind): Promise<boolean> {
  const place = await createWorkplace();
  try {
    const config = await tinyJob(place, jobs[kind]);
    const outs = [newRun(place), newRun(place)];
    for (const out of outs) await runJob(config, out);
    const [first, second] = await Promise.all(outs.map(releasedWeights));
    return largestDifference(first!, second!) === 0;
  } finally {
    place.remove();
  }
}
