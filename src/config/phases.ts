import type { Config, PhaseInput } from './schema.ts';

type Settings = Omit<
  Config['train'],
  'phases' | 'head' | 'verbalizer' | 'frozenWeights' | 'average' | 'earlyStopping' | 'keepBest'
>;

/** Everything that one phase of training is told, with nothing left to inherit. */
export interface Phase extends Settings {
  readonly name: string;
  /** Share of the privacy budget; the shares of all phases add up to 1. */
  readonly share: number;
  readonly clipping: Config['privacy']['clipping'];
}

/**
 * The phases that a job declares, each with what it takes from `train` and `privacy.clipping`. Empty where the job
 * declares none and the recipe decides.
 */
export function phasesOf(config: Config): Phase[] {
  const {
    phases = [],
    head: _,
    verbalizer: __,
    average: ___,
    earlyStopping: ____,
    keepBest: _____,
    frozenWeights: ______,
    ...inherited
  } = config.train;
  return phases.map(({ clipping, ...phase }: PhaseInput) => ({
    ...merge(withoutLength(inherited, phase), phase),
    name: phase.name,
    share: phase.share ?? 1 / phases.length,
    clipping: merge(config.privacy.clipping, clipping ?? {}),
  }));
}

/** A phase that gives steps does not inherit epochs, nor the other way round. */
function withoutLength(inherited: Settings, phase: PhaseInput): Settings {
  return phase.steps === undefined && phase.epochs === undefined
    ? inherited
    : { ...inherited, steps: 'auto', epochs: 'auto' };
}

function merge<T extends object>(base: T, given: object): T {
  const merged = { ...base } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) {
    const below = merged[key];
    merged[key] = isMapping(below) && isMapping(value) ? merge(below, value) : value;
  }
  return merged as T;
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
