import { join } from 'node:path';
import { ConfigError, InvalidParameterError } from '../../privacy/index.ts';
import { loadJob, type Config } from '../config/index.ts';
import { finishRun, openClassifier, trainJob, type Measured, type Observer } from '../train/index.ts';

/** A classifier's figures on the test file, and the majority class's. */
export interface Downstream {
  readonly classifier: Measured;
  readonly majority: Measured;
}

/** A classifier to try synthetic texts with: an ordinary job, whose test file it is measured on. */
export interface DownstreamJob {
  readonly config: Config;
  readonly test: string;
  readonly labels: readonly string[];
}

/**
 * Reads the job of a classifier.
 * @throws ConfigError where it is no classifier of single texts, has no test file or labels of its own, or lets validation
 *   data decide
 */
export async function openDownstreamJob(path: string): Promise<DownstreamJob> {
  const { config } = await loadJob(path);
  const { task, data, train } = config;
  const fault = (message: string) => new ConfigError(`downstream=${path}: ${message}`);
  if (task !== 'classification' || data.columns.textPair !== undefined) {
    throw fault('must be a job of task classification, on single texts. Name another job.');
  }
  if (data.test === undefined) {
    throw fault(
      'data.test is missing. Name a labelled file that the model has not learnt from: a part of the training data would make the figure private.',
    );
  }
  if (data.labels === 'auto')
    throw fault('data.labels is missing. Declare the labels that texts are written for.');
  const plateau = [train, ...(train.phases ?? [])].some(({ schedule }) => schedule?.kind === 'plateau');
  if (train.earlyStopping !== undefined || train.keepBest || plateau) {
    throw fault(
      'must train without looks at validation data. Leave earlyStopping, keepBest and plateau out.',
    );
  }
  return { config, test: data.test, labels: data.labels };
}

/** @throws InvalidParameterError unless texts are asked for with exactly the classifier's labels */
export function requireSameLabels(asked: readonly string[], { labels }: DownstreamJob): void {
  const missing = labels.filter((label) => !asked.includes(label));
  const foreign = asked.filter((label) => !labels.includes(label));
  if (missing.length === 0 && foreign.length === 0) return;
  throw new InvalidParameterError(
    `label=${asked.join(', ')}: must be the classifier's, data.labels=${labels.join(', ')}. Give each of them once.`,
  );
}

/**
 * Trains the classifier without privacy, on synthetic texts or on its own data, and measures it on its test file.
 * @param texts - data.jsonl; its own training file where none is given: then the figures are private
 * @param scratch - directory that is empty and will be removed
 */
export async function measureDownstream(
  job: DownstreamJob,
  texts: string | undefined,
  scratch: string,
  observer: Observer,
): Promise<Downstream> {
  const run = await trainJob(trainingConfig(job, texts), { out: scratch, nonPrivate: true, observer });
  await finishRun(run, { observer });
  const classifier = await openClassifier(join(scratch, 'release', 'model'));
  try {
    return {
      classifier: await classifier.evaluate(job.config, job.test),
      majority: await classifier.majority(job.config, job.test),
    };
  } finally {
    await classifier.close();
  }
}

/** The job without what is measured or counted, and without its privacy section: nothing is claimed of its model. */
function trainingConfig({ config, labels }: DownstreamJob, texts: string | undefined): Config {
  const { test: _, validation: __, ...own } = config.data;
  const { parallel: ___, split, ...rest } = own;
  const { unit: _____, ...columns } = own.columns;
  const synthetic = (train: string): Config['data'] => ({
    ...rest,
    train,
    split: { seed: split.seed, test: 0, validation: 0 },
    format: 'auto',
    columns: { ...columns, text: 'text', label: 'label' },
    labels: [...labels],
  });
  const { retention: ____, ...evaluate } = config.evaluate;
  const { method, phases } = config.train;
  return {
    ...config,
    data: texts === undefined ? own : synthetic(texts),
    privacy: { ...config.privacy, unit: 'record', publicSize: 'auto', delta: 'auto' },
    // The quickest, unless the job says how.
    train: { ...config.train, method: method === 'auto' && phases === undefined ? 'head' : method },
    evaluate: { ...evaluate, baselines: [], slices: [], metrics: 'auto' },
    audit: { ...config.audit, canaries: 0 },
    ledger: 'none',
  };
}
