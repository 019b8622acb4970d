import { readFileSync } from 'node:fs';
import type { Tensor, Tensors } from '../../src/engines/engine.ts';
import type { GradientRequest } from '../../src/graph/index.ts';
import { architectureOf, buildNetwork } from '../../src/models/index.ts';
import { opNetworks } from './op-networks.ts';

type Numbers = Readonly<Record<string, readonly number[]>>;

/** A gradient that PyTorch computed: give `request` to `plainGradient` or, with clipping and sizes, to `privateGradient`. */
export interface GradientCase {
  readonly name: string;
  readonly request: GradientRequest;
  readonly inputs: Tensors;
  readonly params: Tensors;
  readonly expected: {
    readonly losses: readonly number[];
    /** Of each unit. */
    readonly norms: readonly number[];
    /** Of each unit, by parameter. */
    readonly paramNorms: Numbers;
    /** Without clipping, by parameter. */
    readonly sums: Numbers;
    /** About half of the units are above it. */
    readonly clipNorm: number;
    /** With clipping to `clipNorm` (and gamma 0.01), by parameter. */
    readonly clipped: {
      readonly flat: Numbers;
      readonly 'per-layer'?: Numbers;
      readonly automatic?: Numbers;
    };
  };
}

/** Sizes that make every linear map take one rule or the other, whatever its shape. */
export const ruleSizes = { ghost: { tokens: 0 }, direct: { tokens: 1e6 } } as const;

interface GoldenTensor {
  readonly dtype: 'f32' | 'i32';
  readonly dims: readonly number[];
  readonly data: readonly number[];
}
interface Golden {
  readonly name: string;
  readonly config?: Record<string, never>;
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly params: Readonly<Record<string, GoldenTensor>>;
  readonly trainable: readonly string[];
  readonly recordsPerUnit?: number;
  readonly expected: GradientCase['expected'];
}

function read(file: string): readonly Golden[] {
  const text = readFileSync(new URL(`../golden/gradients/${file}.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { cases: Golden[] }).cases;
}

function tensors(golden: Readonly<Record<string, GoldenTensor>>): Tensors {
  const convert = ({ dtype, dims, data }: GoldenTensor): Tensor => ({
    dims,
    data: dtype === 'i32' ? Int32Array.from(data) : Float32Array.from(data),
  });
  return Object.fromEntries(Object.entries(golden).map(([name, tensor]) => [name, convert(tensor)]));
}

function networkOf({ name, config, params }: Golden): GradientRequest['network'] {
  if (config === undefined) {
    const dims = Object.fromEntries(Object.entries(params).map(([param, tensor]) => [param, tensor.dims]));
    return opNetworks[name]!(dims);
  }
  const architecture = architectureOf(config);
  if (architecture.family === 'decoder') return buildNetwork({ architecture, task: 'causal-lm' }).graph;
  const lora = { rank: 2, alpha: 4, dropout: 0, targets: ['query', 'value'] };
  const adapted = Object.keys(params).some((param) => param.includes('lora'));
  const task = { architecture, task: 'single-label', labels: 3, head: 'pooler' } as const;
  return buildNetwork({ ...task, ...(adapted ? { lora } : {}) }).graph;
}

function caseOf(golden: Golden): GradientCase {
  const { name, trainable, recordsPerUnit, expected } = golden;
  const network = networkOf(golden);
  return {
    name,
    request: {
      network,
      loss: 'loss',
      trainable,
      ...(recordsPerUnit === undefined ? {} : { recordsPerUnit }),
    },
    inputs: tensors(golden.inputs),
    params: tensors(golden.params),
    expected,
  };
}

/** One for every op with a derivative and every way to use a parameter; small. */
export const opCases: readonly GradientCase[] = read('ops').map(caseOf);
/** Whole small models: BERT, GPT-2 with tied embeddings (by record and by user), LLaMA, low-rank adapters. */
export const modelCases: readonly GradientCase[] = read('models').map(caseOf);
export const gradientCases: readonly GradientCase[] = [...opCases, ...modelCases];
