import {
  canonicalHash,
  ConfigError,
  epsilonOf,
  InvalidParameterError,
  type DpEvent,
} from '../../privacy/index.ts';
import { loadJob, type Config, type Search } from '../config/index.ts';
import {
  countUnits,
  openJobModel,
  planJob,
  publicUnits,
  type JobPlan,
  type SearchPart,
} from '../train/index.ts';

/** Distributions of the secret number of trials, as `repeat-and-select` names their shapes. */
const shapes = { poisson: 'poisson', logarithmic: 0, geometric: 1 } as const;

/** How often the budget of one trial is refined; each time plans every candidate anew. */
const calibrationRounds = 8;
/** Share of the search's budget that may stay unused. */
const calibrationSlack = 0.005;

export interface Candidate {
  /** Settings of the job, as overrides. */
  readonly overrides: readonly string[];
  readonly plan: JobPlan;
}

/** What a search will do and cost, fixed before its first trial. Public. */
export interface SearchPlan {
  readonly job: string;
  readonly method: Search['method'];
  readonly metric: string;
  /** The job's budget. */
  readonly ledger: Config['ledger'];
  readonly candidates: readonly Candidate[];
  /** Overrides that every trial has. */
  readonly shared: readonly string[];
  readonly trials: SearchPart['trials'];
  /** What every trial's plan says of the search; absent for public data, which costs nothing. */
  readonly part: SearchPart | undefined;
}

/**
 * Plans every candidate, and the whole.
 * @throws ConfigError where trials could not be compared on public data
 * @throws InvalidParameterError where no budget of one trial meets the search's
 */
export async function planSearch(search: Search): Promise<SearchPlan> {
  const { config } = await loadJob(search.job);
  if (config.data.validation?.public !== true) {
    throw new ConfigError(
      `${search.job}: data.validation: trials are compared on it, so it must be given as {path: FILE, public: true}. A choice by private data would leak it.`,
    );
  }
  // Where a trial is not charged on its own: public data costs nothing, and a private selection is charged as a whole.
  const shared = search.method === 'charged' ? [] : ['ledger=none'];
  if (search.publicData !== undefined && config.data.parallel) {
    throw new ConfigError(
      `${search.job}: data.parallel: has no file beside the public data ${search.publicData}. Give the job data with columns, such as CSV.`,
    );
  }
  if (search.publicData !== undefined) shared.push(`data.train=${JSON.stringify(search.publicData)}`);
  const trials = { mean: search.trials === 'auto' ? search.candidates.length : search.trials };
  const base = {
    job: search.job,
    method: search.method,
    metric: search.metric === 'auto' ? metricOf(config) : search.metric,
    ledger: config.ledger,
  };
  const units = await countUnits(config);
  const at = async (epsilon: number | undefined): Promise<SearchPlan> => {
    const extra = epsilon === undefined ? shared : [...shared, `privacy.epsilon=${epsilon}`];
    const candidates: Candidate[] = [];
    for (const overrides of search.candidates) {
      candidates.push({ overrides, plan: await planOf(search.job, [...extra, ...overrides], units) });
    }
    const part = partOf(search, candidates, trials.mean);
    return { ...base, candidates, shared: extra, trials: part?.trials ?? 'each', part };
  };
  return search.epsilon === undefined ? at(undefined) : calibrated(search.epsilon, at);
}

async function planOf(job: string, overrides: readonly string[], units: number): Promise<JobPlan> {
  const { config } = await loadJob(job, overrides);
  const model = await openJobModel(config);
  try {
    return await planJob(config, model, await publicUnits(config, () => units));
  } finally {
    await model.directory.close();
  }
}

/** The budget of one trial with which the whole is within half a per cent of the search's, and not above it. */
async function calibrated(budget: number, at: (epsilon: number) => Promise<SearchPlan>): Promise<SearchPlan> {
  let best: SearchPlan | undefined;
  let trial = budget / 3;
  for (let round = 0; round < calibrationRounds; round++) {
    const plan = await at(trial);
    const total = plan.part!.epsilon;
    if (total <= budget && total > (best?.part!.epsilon ?? 0)) best = plan;
    if (total <= budget && total >= budget * (1 - calibrationSlack)) break;
    // The cost of the whole is nearly proportional to that of one trial.
    trial *= (budget / total) * (1 - calibrationSlack / 2);
  }
  if (best) return best;
  throw new InvalidParameterError(
    `epsilon=${budget}: no budget of a single trial keeps the whole search within it. Try fewer settings or trials.`,
  );
}

function partOf(search: Search, candidates: readonly Candidate[], mean: number): SearchPart | undefined {
  if (search.method === 'public') return undefined;
  const events = candidates.map(({ plan }) => plan.privacy.event);
  const options = choices(search, events, mean).map(({ trials, event }) => {
    const answer = epsilonOf(event, candidates[0]!.plan.privacy);
    return { trials, event, epsilon: answer.epsilon.upper };
  });
  const { trials, event, epsilon } = options.reduce((a, b) => (b.epsilon < a.epsilon ? b : a));
  const body = {
    method: search.method,
    candidates: candidates.map(({ overrides }) => overrides),
    trials,
    event,
    epsilon,
  };
  return { ...body, hash: canonicalHash(body) };
}

function choices(
  { method, distribution, candidates }: Search,
  events: readonly DpEvent[],
  mean: number,
): Pick<SearchPart, 'trials' | 'event'>[] {
  if (method === 'charged') return [{ trials: 'each', event: { kind: 'composed', events } }];
  const event: DpEvent = candidates.length === 1 ? events[0]! : { kind: 'one-of', events };
  const names = distribution === 'auto' ? (Object.keys(shapes) as (keyof typeof shapes)[]) : [distribution];
  return (
    names
      .map((name) => shapes[name])
      // The two others are at least 1, and of a mean above it.
      .filter((shape) => shape === 'poisson' || mean > 1)
      .map((shape) => ({
        trials: { mean, shape },
        event: { kind: 'repeat-and-select', mean, shape, event },
      }))
  );
}

function metricOf({ task }: Config): string {
  if (task === 'regression') return 'pearson';
  if (task === 'token-classification') return 'f1';
  return task === 'multi-label' ? 'microF1' : 'accuracy';
}
