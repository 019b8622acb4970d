/**
 * The recipe: what to train and how, chosen from public facts only (the number of units, the budget, the model). Every
 * choice carries its reason; any single setting can be given instead.
 *
 * Sources of the numbers: Li et al., arXiv:2110.05679 (batch, clipping, learning rates of full fine-tuning); Yu et al.,
 * arXiv:2110.06500 (LoRA); Bu et al., arXiv:2210.00036 (BiTFiT); Rehn et al., arXiv:2510.20616 (batch size by
 * sigma sqrt(T)); measurements of this project for the head on mean features (docs/recipe.md).
 */
export type Method = 'full' | 'lora' | 'bitfit' | 'head' | 'last';

/** What the recipe may look at. */
export interface RecipeFacts {
  /** Public number of privacy units. */
  readonly units: number;
  /** Target epsilon; a given noise multiplier or a non-private run counts as 8. */
  readonly epsilon: number;
  /** Noise multiplier that one phase of this rate and step count needs, alone, for the whole budget. */
  readonly noiseFor: (samplingRate: number, steps: number) => number;
  /** Whether a language model learns to write. */
  readonly generation: boolean;
  /** Whether a language model classifies by its words: its head is pretrained, as everything else. */
  readonly labelWords: boolean;
}

/** What the job may fix instead. */
export interface RecipeGiven {
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly learningRate?: number;
  readonly clipNorm?: number;
}

export interface PhaseRecipe {
  readonly method: Method;
  /** Expected batch size in units; the sampling rate is batchSize / units. */
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly clipNorm: number;
  /** Share of the privacy budget, by zero-concentrated cost, when there are several phases. */
  readonly share: number;
  /** Of what the recipe chose; what the job gives needs none. */
  readonly reasons: readonly string[];
}

/** The method's learning rate for an expected batch of 1,024 and the rest of what differs by method. */
const tuning: Record<Method, { learningRate: number; basis: string }> = {
  head: { learningRate: 5e-3, basis: 'a pretrained head, as for biases (docs/recipe.md)' },
  full: { learningRate: 5e-4, basis: 'encoders, all weights (Li et al.)' },
  last: { learningRate: 5e-4, basis: 'as for all weights (Li et al.)' },
  lora: { learningRate: 1e-3, basis: 'LoRA on encoders (Yu et al.)' },
  bitfit: { learningRate: 5e-3, basis: 'bias-only training (Bu et al.)' },
};

/** Rates for models that learn to write: Li et al. (GPT-2, E2E), all weights; the middle of 1e-3 to 5e-3 for LoRA. */
const decoderTuning: typeof tuning = {
  ...tuning,
  full: { learningRate: 2e-3, basis: 'decoders, all weights (Li et al.)' },
  last: { learningRate: 2e-3, basis: 'as for all weights (Li et al.)' },
  lora: { learningRate: 2e-3, basis: 'LoRA on decoders' },
  bitfit: { learningRate: 5e-3, basis: 'bias-only training (Bu et al.)' },
};

const minimumSteps = 200;
const smallestBatch = 64;
const largestBatch = 8192;
/** A batch is large enough once sigma sqrt(T) is within this factor of its least value. */
const plateau = 1.08;

/** A linear head on frozen features: 5 % sampling, 40 epochs. Within .009 of the best of 18 settings on four sets. */
export function headRecipe(facts: RecipeFacts, given: RecipeGiven, share = 1): PhaseRecipe {
  const { batch, steps } = size(facts.units, given, Math.max(1, Math.round(facts.units * 0.05)), 40);
  const learningRate = given.learningRate ?? Math.min(0.1, steps >= 400 ? 3e-2 : 10 / steps);
  return {
    method: 'head',
    batchSize: batch,
    steps,
    learningRate,
    clipNorm: given.clipNorm ?? 1,
    share,
    reasons: chosen(given, {
      batchSize: `batch ${batch} of ${facts.units} units: a linear head on frozen features does best at about 5 % sampling`,
      epochs: `${steps} steps: a linear head on frozen features does best with many epochs`,
      learningRate: `learning rate ${format(learningRate)}: robust for this head over four data sets and epsilon 1 to 8`,
    }),
  };
}

/** LoRA, bias-only, last layers, a pretrained head or all weights: epochs by the budget, batch by the noise plateau. */
export function encoderRecipe(
  method: Method,
  facts: RecipeFacts,
  given: RecipeGiven,
  share = 1,
): PhaseRecipe {
  const epochs = given.epochs ?? affordableEpochs(facts.epsilon);
  const batch = given.batchSize ?? plateauBatch(facts, epochs);
  const sized = size(facts.units, given, batch, epochs);
  const scale = Math.min(2, Math.max(0.5, Math.sqrt(sized.batch / 1024)));
  const { learningRate: base, basis } = (facts.generation ? decoderTuning : tuning)[method];
  const learningRate = given.learningRate ?? base * scale;
  return {
    method,
    batchSize: sized.batch,
    steps: sized.steps,
    learningRate,
    clipNorm: given.clipNorm ?? 0.1,
    share,
    reasons: chosen(given, {
      epochs: `${format(epochs)} epochs: what epsilon ${format(facts.epsilon)} can afford before noise outweighs signal`,
      batchSize: `batch ${sized.batch}: the smallest power of two whose total noise sigma sqrt(T) is within ${Math.round((plateau - 1) * 100)} % of the least, with at least ${minimumSteps} steps where the data allow`,
      learningRate: `learning rate ${format(learningRate)}: ${basis}, scaled by sqrt(batch / 1024) within [1/2, 2]`,
    }),
  };
}

/**
 * Total noise against summed gradient, sigma sqrt(T) / (epochs units): how much a phase that trains many weights has
 * to fight. Published runs that work lie below about 1e-4.
 */
export function relativeNoise(phase: PhaseRecipe, facts: RecipeFacts): number {
  const rate = phase.batchSize / facts.units;
  return (facts.noiseFor(rate, phase.steps) * Math.sqrt(phase.steps)) / (phase.steps * phase.batchSize);
}

/** 10 epochs at epsilon 1 or less, 20 at 3, 40 from 8; in between by the logarithm. */
export function affordableEpochs(epsilon: number): number {
  if (epsilon <= 1) return 10;
  if (epsilon <= 3) return Math.round(10 + (10 * Math.log(epsilon)) / Math.log(3));
  if (epsilon < 8) return Math.round(20 + (20 * Math.log(epsilon / 3)) / Math.log(8 / 3));
  return 40;
}

function plateauBatch(facts: RecipeFacts, epochs: number): number {
  const cap = Math.min(largestBatch, Math.max(1, Math.floor(facts.units / 2)));
  const batches: number[] = [];
  for (let batch = smallestBatch; batch <= cap; batch *= 2) batches.push(batch);
  const allowed = batches.filter((batch) => (epochs * facts.units) / batch >= minimumSteps);
  const candidates = allowed.length > 0 ? allowed : batches.slice(0, 1);
  if (candidates.length === 0) return cap;
  const noise = candidates.map((batch) => {
    const steps = Math.max(1, Math.floor((epochs * facts.units) / batch));
    return facts.noiseFor(batch / facts.units, steps) * Math.sqrt(steps);
  });
  const least = Math.min(...noise);
  return candidates[noise.findIndex((value) => value <= plateau * least)]!;
}

function size(
  units: number,
  given: RecipeGiven,
  batch: number,
  epochs: number,
): { batch: number; steps: number } {
  const batchSize = given.batchSize ?? batch;
  const steps = given.steps ?? Math.max(1, Math.floor(((given.epochs ?? epochs) * units) / batchSize));
  return { batch: batchSize, steps };
}

/** The reasons of what the job leaves open; a number of steps says how many epochs there are. */
function chosen(
  given: RecipeGiven,
  reasons: Readonly<Record<'batchSize' | 'epochs' | 'learningRate', string>>,
): string[] {
  return Object.entries(reasons)
    .filter(([name]) => given[name as keyof typeof reasons] === undefined)
    .filter(([name]) => name !== 'epochs' || given.steps === undefined)
    .map(([, reason]) => reason);
}

function format(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/**
 * What `method: auto` trains: LoRA, where texts are to be written or label words answer; else the head on frozen features;
 * with a share of the budget, LoRA on top, started from that head, where the phase's noise leaves enough signal.
 */
export function recommendedPhases(facts: RecipeFacts): readonly { method: Method; share: number }[] {
  if (facts.generation || facts.labelWords) return [{ method: 'lora', share: 1 }];
  const adapters = relativeNoise(encoderRecipe('lora', facts, {}), facts);
  if (adapters > adapterNoiseLimit) return [{ method: 'head', share: 1 }];
  return [
    { method: 'head', share: 0.2 },
    { method: 'lora', share: 0.8 },
  ];
}

/** Above this relative noise LoRA on top of the head lost accuracy, or gained less than its time is worth (docs/recipe.md). */
const adapterNoiseLimit = 3e-5;
