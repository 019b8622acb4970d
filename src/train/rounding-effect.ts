import { reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { Engine } from '../engines/index.ts';
import {
  buildNetwork,
  feedsOf,
  findParameters,
  tensorsOf,
  type Batch,
  type Network,
  type NetworkOptions,
} from '../models/index.ts';
import { hasLanguageHead } from './language-head.ts';
import type { BaseModel } from './base-model.ts';
import { startEngine } from './session.ts';
import { sizeOf } from './vector.ts';

/** Where it lies in a release. */
export const ROUNDING_FILE = 'frozen-weights.json';

/** frozen-weights.json: what rounding the frozen weights to 8 bits does to the base model. Public: made from no data. */
export interface RoundingEffect {
  readonly format: 'dptune-frozen-weights/1';
  readonly bits: 8;
  /** Numbers that are held in 8 bits. */
  readonly weights: number;
  /** What is compared: scores of words where the checkpoint has a map to them, else the last layer's states. */
  readonly compared: 'logits' | 'hidden states';
  /** Random tokens at which both models were compared. */
  readonly tokens: number;
  /** Root of the mean square of the differences, over that of the float32 model's values. */
  readonly relativeError: number;
  readonly largestDifference: number;
  /** Share of the tokens at which both models find the same word likeliest; null for states. */
  readonly sameWord: number | null;
}

const sequences = 4;
const longest = 32;

/**
 * Runs the base model and the rounded one on the same random tokens, layer by layer, so that only one layer at a time is
 * held in float32. Random tokens are harder than text: a model is less sure of what follows.
 * @param int8 - weights to round
 */
export async function roundingEffect(
  config: Config,
  model: BaseModel,
  int8: ReadonlySet<string>,
): Promise<RoundingEffect> {
  const engine = await startEngine(config);
  try {
    const { architecture } = model;
    const isLanguage = hasLanguageHead(model);
    const tokens = Math.min(longest, architecture.maxTokens);
    const batch = randomBatch(model, tokens);
    const part = (options: Pick<NetworkOptions, 'from' | 'to' | 'int8'>): Network =>
      buildNetwork({
        architecture,
        ...(isLanguage
          ? { task: architecture.family === 'decoder' ? 'causal-lm' : 'masked-lm' }
          : { task: 'single-label', labels: 2 }),
        maxTokens: tokens,
        ...options,
      });
    const through = (options: Pick<NetworkOptions, 'from' | 'to'>, pair: Pair): Promise<Pair> =>
      runBoth(engine, model, [part(options), part({ ...options, int8 })], batch, pair);
    const places = Array.from({ length: architecture.layers + 1 }, (_, layer) => ({ layer }));
    let pair = await through({ to: places[0]! }, {});
    for (const to of places.slice(1)) pair = await through({ from: { layer: to.layer - 1 }, to }, pair);
    if (isLanguage) pair = await through({ from: places.at(-1)!, to: 'logits' }, pair);
    const weights = countOf(part({ to: isLanguage ? 'logits' : places.at(-1)!, int8 }));
    return {
      format: 'dptune-frozen-weights/1',
      bits: 8,
      weights,
      compared: isLanguage ? 'logits' : 'hidden states',
      tokens: sequences * tokens,
      ...differences(pair as Required<Pair>, sequences * tokens, isLanguage),
    };
  } finally {
    await engine.dispose();
  }
}

/** What the layers so far made of the batch, in float32 and rounded. */
interface Pair {
  readonly float32?: Float32Array;
  readonly rounded?: Float32Array;
}

async function runBoth(
  engine: Engine,
  { directory, architecture }: BaseModel,
  [plain, rounded]: readonly [Network, Network],
  batch: Batch,
  pair: Pair,
): Promise<Pair> {
  const run = async (network: Network, hidden: Float32Array | undefined): Promise<Float32Array> => {
    const program = await engine.load(network.graph);
    const outputs = await program.run(feedsOf(network, { ...batch, ...(hidden && { hidden }) }));
    await program.dispose();
    return outputs[network.output]!.data as Float32Array;
  };
  const { params } = plain;
  const rng = reproducibleRng(0);
  const stored = findParameters(directory.weights, { architecture, params, rng, head: 'checkpoint' });
  const values = new Map<string, Float32Array>();
  for (const spec of params) values.set(spec.name, await stored.read(spec));
  await engine.write(tensorsOf(params, values));
  const float32 = await run(plain, pair.float32);
  const written = tensorsOf(
    rounded.params.filter((spec) => spec.int8 !== undefined),
    values,
  );
  await engine.write(written);
  const after = await run(rounded, pair.rounded);
  await engine.drop([...values.keys(), ...Object.keys(written)]);
  return { float32, rounded: after };
}

function countOf({ params }: Network): number {
  return params.reduce((sum, { shape, int8 }) => sum + (int8 ? sizeOf(shape) : 0), 0);
}

function randomBatch({ architecture: { vocabularySize } }: BaseModel, tokens: number): Batch {
  const rng = reproducibleRng('rounding of frozen weights');
  const size = sequences * tokens;
  return {
    records: sequences,
    tokens,
    ids: Int32Array.from({ length: size }, () => rng.integer(vocabularySize)),
    typeIds: new Int32Array(size),
    mask: new Float32Array(size).fill(1),
  };
}

function differences(
  { float32, rounded }: Required<Pair>,
  rows: number,
  isLanguage: boolean,
): Pick<RoundingEffect, 'relativeError' | 'largestDifference' | 'sameWord'> {
  let [squares, total, largest] = [0, 0, 0];
  for (let at = 0; at < float32.length; at++) {
    const difference = rounded[at]! - float32[at]!;
    squares += difference ** 2;
    total += float32[at]! ** 2;
    largest = Math.max(largest, Math.abs(difference));
  }
  const width = float32.length / rows;
  let same = 0;
  for (let row = 0; row < rows; row++) {
    const of = (values: Float32Array): number => argmax(values.subarray(row * width, (row + 1) * width));
    if (of(float32) === of(rounded)) same += 1;
  }
  return {
    relativeError: Math.sqrt(squares / total),
    largestDifference: largest,
    sameWord: isLanguage ? same / rows : null,
  };
}

function argmax(values: Float32Array): number {
  return values.indexOf(values.reduce((a, b) => Math.max(a, b)));
}

/** For people. */
export function roundingInWords({ compared, relativeError, sameWord }: RoundingEffect): string {
  const same =
    sameWord === null
      ? ''
      : `, and the likeliest word is the same at ${(100 * sameWord).toFixed(0)} % of the places`;
  return `frozen weights in 8 bits: ${compared} of the base model change by ${(100 * relativeError).toFixed(2)} %${same} (random tokens)`;
}
