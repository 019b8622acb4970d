import {
  calibrate,
  canonicalJson,
  phaseEventOf,
  InvalidParameterError,
  type PlanSettings,
} from '../../privacy/index.ts';
import { deltaFor, phasesOf, type Config, type Phase as ConfigPhase } from '../config/index.ts';
import { populationReasons, selectionOf, unitOf } from './population.ts';
import { bandsFor } from './bands.ts';
import { clippingFor } from './clipping-choice.ts';
import {
  encoderRecipe,
  headRecipe,
  recommendedPhases,
  type Method,
  type PhaseRecipe,
  type RecipeFacts,
  type RecipeGiven,
} from './recipe.ts';

/** What a phase trains and how it updates; nothing in here touches the guarantee. */
export interface TrainingPhase {
  readonly name: string;
  readonly method: Method;
  /** For method `last`. */
  readonly layers: number | null;
  readonly lora: {
    readonly rank: number;
    readonly alpha: number;
    readonly dropout: number;
    /** Null for the architecture's own choice. */
    readonly targets: readonly string[] | null;
  };
  readonly learningRate: number;
  readonly schedule: Omit<ConfigPhase['schedule'], 'kind' | 'warmup'> & {
    readonly kind: Exclude<ConfigPhase['schedule']['kind'], 'auto'>;
    readonly warmup: number;
  };
  readonly optimizer: Omit<ConfigPhase['optimizer'], 'kind'> & {
    readonly kind: Exclude<ConfigPhase['optimizer']['kind'], 'auto'>;
  };
  readonly dropout: number;
}

/** A job with nothing left to choose: every `auto` decided, from public facts only. */
export interface Settings {
  readonly training: readonly TrainingPhase[];
  readonly head: Exclude<Config['train']['head'], 'auto'>;
  readonly privacy: Omit<PlanSettings, 'bindings'>;
  /** Why the recipe chose what it chose. */
  readonly reasons: readonly string[];
}

/**
 * Decides everything that the job leaves to the recipe.
 * @param units - public number of privacy units
 */
export async function settle(config: Config, units: number): Promise<Settings> {
  const { privacy, train } = config;
  const delta = await deltaFor(privacy.delta, units);
  const facts = factsOf(config, units, delta);
  const selection = selectionOf(config);
  const declared = phasesOf(config);
  const wanted = declared.length > 0 ? declared : automaticPhases(config, facts);
  const recipes = wanted.map((phase) => recipeFor(phase, facts));
  const clippings = wanted.map((phase, index) => clippingFor(phase, recipes[index]!, config));
  const bands = recipes.map((recipe) =>
    bandsFor(privacy.mechanism, recipe, facts, privacy.epsilon !== undefined),
  );
  const training = wanted.map((phase, index) => trainingPhase(phase, recipes[index]!, facts.generation));
  requireSameAdapters(training);
  return {
    training,
    head: train.head === 'auto' ? 'mean' : train.head,
    privacy: {
      unit: unitOf(config),
      relation: privacy.relation,
      publicSize: units,
      ...(selection && { selection }),
      delta,
      ...(privacy.epsilon === undefined
        ? { noiseMultiplier: privacy.noiseMultiplier! }
        : { epsilon: privacy.epsilon }),
      phases: wanted.map((phase, index) => ({
        name: phase.name,
        expectedBatch: recipes[index]!.batchSize,
        steps: recipes[index]!.steps,
        clipping: clippings[index]!.clipping,
        ...(wanted.length > 1 && privacy.epsilon !== undefined && { share: phase.share }),
        ...(bands[index]!.bands !== undefined && { bands: bands[index]!.bands }),
      })),
    },
    reasons: [
      ...populationReasons(config),
      ...wanted.flatMap((phase, index) =>
        [...recipes[index]!.reasons, ...clippings[index]!.reasons, ...bands[index]!.reasons].map(
          (reason) => `${phase.name}: ${reason}`,
        ),
      ),
    ],
  };
}

/** The job's own settings as one phase; or, where the method is left open, the phases that the recipe recommends. */
function automaticPhases(config: Config, facts: RecipeFacts): readonly ConfigPhase[] {
  const {
    phases: _,
    head: __,
    verbalizer: ___,
    average: ____,
    earlyStopping: _____,
    keepBest: ______,
    frozenWeights: _______,
    ...own
  } = config.train;
  const { clipping } = config.privacy;
  if (own.method !== 'auto') return [{ ...own, name: own.method, share: 1, clipping }];
  return recommendedPhases(facts).map(({ method, share }) => ({
    ...own,
    name: method,
    method,
    share,
    clipping,
  }));
}

function factsOf(config: Config, units: number, delta: number): RecipeFacts {
  const { epsilon, noiseMultiplier, relation } = config.privacy;
  return {
    units,
    epsilon: epsilon ?? 8,
    generation: config.task === 'generation',
    labelWords: config.train.head === 'verbalizer',
    noiseFor: (rate, count) => {
      if (epsilon === undefined) return noiseMultiplier!;
      const population = config.data.fewShot !== undefined && ({ population: 'selection' } as const);
      const eventOf = (sigma: number) =>
        phaseEventOf({ samplingRate: rate, noiseMultiplier: sigma, steps: count, ...population });
      return calibrate(eventOf, { target: { epsilon, delta }, relation }).value;
    },
  };
}

const given = <T>(value: T | 'auto'): T | undefined => (value === 'auto' ? undefined : value);

function recipeFor(phase: ConfigPhase, facts: RecipeFacts): PhaseRecipe {
  const own = {
    batchSize: given(phase.batchSize),
    epochs: given(phase.epochs),
    steps: given(phase.steps),
    learningRate: given(phase.learningRate),
    clipNorm: given(phase.clipping.norm),
  };
  const fixed = Object.fromEntries(
    Object.entries(own).filter(([, value]) => value !== undefined),
  ) as RecipeGiven;
  const method = phase.method === 'auto' ? 'lora' : phase.method;
  return method === 'head' && !facts.labelWords
    ? headRecipe(facts, fixed, phase.share)
    : encoderRecipe(method, facts, fixed, phase.share);
}

/** Phases go on with the adapters that an earlier one trained, which have one rank and one place. */
function requireSameAdapters(training: readonly TrainingPhase[]): void {
  const [first, ...others] = training.filter(({ method }) => method === 'lora');
  const other = others.find(({ lora }) => canonicalJson(lora) !== canonicalJson(first!.lora));
  if (!other) return;
  throw new InvalidParameterError(
    `train.phases: lora of ${other.name} is not that of ${first!.name}, whose adapters it would go on with. Give both the same, or train one.`,
  );
}

/** @param generation - whether texts are to be written, for which Li et al. (arXiv:2110.05679) keep the rate constant */
function trainingPhase(phase: ConfigPhase, recipe: PhaseRecipe, generation: boolean): TrainingPhase {
  const { lora, schedule, optimizer } = phase;
  const rank = given(lora.rank) ?? 8;
  return {
    name: phase.name,
    method: recipe.method,
    layers: phase.layers ?? null,
    lora: {
      rank,
      alpha: given(lora.alpha) ?? 2 * rank,
      dropout: lora.dropout,
      // Adapters of queries and values alone have too little to say in what is written (docs/recipe.md).
      targets: given(lora.targets) ?? (generation ? ['all-linear'] : null),
    },
    learningRate: recipe.learningRate,
    schedule: {
      ...schedule,
      kind: given(schedule.kind) ?? (generation ? 'constant' : 'linear'),
      warmup: given(schedule.warmup) ?? 0,
    },
    optimizer: { ...optimizer, kind: given(optimizer.kind) ?? 'adamw' },
    dropout: given(phase.dropout) ?? 0,
  };
}
