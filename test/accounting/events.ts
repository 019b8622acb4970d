import { readFileSync } from 'node:fs';
import type { DpEvent, Relation } from '../../privacy/accounting/index.ts';

/** One record of the reference set (test/golden/accounting/reference.json). */
export type ReferenceRecord = {
  readonly id: string;
  readonly mechanism: Mechanism;
  readonly adjacency: string;
  readonly query: { readonly type: string; readonly delta?: number; readonly epsilon?: number };
  readonly truth: {
    readonly exact?: number;
    readonly lower?: number;
    readonly estimate?: number;
    readonly upper?: number;
    readonly rel_error?: number;
  } | null;
  readonly said: readonly {
    readonly library: string;
    readonly method: string;
    readonly value: number;
    readonly belowTruth: boolean;
  }[];
};

type Mechanism = { readonly type: string } & Readonly<Record<string, number>> & {
    readonly phases?: readonly Readonly<Record<string, number>>[];
    readonly orders?: readonly number[];
    readonly rdp?: readonly number[];
    readonly base?: Mechanism;
  };

export function referenceRecords(): readonly ReferenceRecord[] {
  const url = new URL('../golden/accounting/reference.json', import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { records: ReferenceRecord[] }).records;
}

export function gaussian(noiseMultiplier: number): DpEvent {
  return { kind: 'gaussian', noiseMultiplier };
}

export function times(count: number, event: DpEvent): DpEvent {
  return { kind: 'self-composed', count, event };
}

export function sampled(rate: number, event: DpEvent): DpEvent {
  return { kind: 'poisson-sampled', rate, event };
}

export function dpSgd(noiseMultiplier: number, rate: number, steps: number): DpEvent {
  return times(steps, sampled(rate, gaussian(noiseMultiplier)));
}

export function relationOf(adjacency: string): Relation {
  if (adjacency === 'REPLACE_ONE') return 'replace-one';
  return adjacency === 'REPLACE_SPECIAL' ? 'zero-out' : 'add-or-remove-one';
}

/** A group of `size` units that are sampled independently: binomial sensitivities. */
export function groupEvent(noiseMultiplier: number, size: number, rate: number): DpEvent {
  const sensitivities: number[] = [];
  const probabilities: number[] = [];
  let ways = 1;
  for (let k = 0; k <= size; k++) {
    sensitivities.push(k);
    probabilities.push(ways * rate ** k * (1 - rate) ** (size - k));
    ways = (ways * (size - k)) / (k + 1);
  }
  return { kind: 'mixture-of-gaussians', noiseMultiplier, sensitivities, probabilities };
}

/** The event of a reference record, or null where it is not about a mechanism's epsilon. */
export function eventOf(m: Mechanism): DpEvent | null {
  switch (m.type) {
    case 'poisson_subsampled_gaussian':
    case 'composition_of_poisson_subsampled_gaussian':
      return m.phases
        ? {
            kind: 'composed',
            events: m.phases.map((p) =>
              dpSgd(p['noise_multiplier']!, p['sampling_probability']!, p['steps']!),
            ),
          }
        : null;
    case 'gaussian':
      return times(m['steps']!, gaussian(m['noise_multiplier']!));
    case 'laplace':
    case 'poisson_subsampled_laplace':
      return times(
        m['steps']!,
        sampled(m['sampling_probability']!, { kind: 'laplace', noiseMultiplier: m['noise_multiplier']! }),
      );
    case 'randomized_response':
      return times(m['steps']!, {
        kind: 'randomized-response',
        noiseParameter: m['noise_parameter']!,
        buckets: m['num_buckets']!,
      });
    case 'epsilon_delta':
      return times(m['steps']!, { kind: 'epsilon-delta', epsilon: m['epsilon']!, delta: m['delta']! });
    case 'exponential_mechanism':
      return times(m['steps']!, { kind: 'exponential', epsilon: m['epsilon']! });
    case 'permute_and_flip':
      return times(m['steps']!, { kind: 'permute-and-flip', epsilon: m['epsilon']! });
    case 'discrete_laplace':
      return times(m['steps']!, {
        kind: 'discrete-laplace',
        parameter: m['parameter']!,
        sensitivity: m['sensitivity']!,
      });
    case 'discrete_gaussian':
      return times(
        m['steps']!,
        sampled(m['sampling_probability']!, {
          kind: 'discrete-gaussian',
          sigma: m['sigma']!,
          sensitivity: m['sensitivity']!,
        }),
      );
    case 'zcdp':
      return { kind: 'zcdp', rho: m['rho']!, xi: m['xi']! };
    case 'rdp_curve':
      return { kind: 'rdp-curve', orders: m.orders!, rdp: m.rdp! };
    case 'amplified_bandmf':
      return {
        kind: 'banded-matrix',
        noiseMultiplier: m['noise_multiplier']!,
        iterations: m['iterations']!,
        bands: m['num_bands']!,
        rate: m['sampling_probability']!,
        columnNorm: m['column_norm']!,
      };
    case 'tree_aggregation':
      return { kind: 'tree', noiseMultiplier: m['noise_multiplier']!, steps: m['step_counts']! };
    case 'tree_aggregation_single_tree':
      return {
        kind: 'tree',
        noiseMultiplier: m['noise_multiplier']!,
        steps: m['total_steps']!,
        maxParticipations: m['max_participation']!,
        minSeparation: m['min_separation_nodes_between']!,
      };
    case 'mixture_of_gaussians_group':
      return times(
        m['steps']!,
        groupEvent(m['noise_multiplier']!, m['group_size']!, m['sampling_probability']!),
      );
    case 'truncated_poisson_subsampled_gaussian':
      return times(m['steps']!, {
        kind: 'truncated-poisson-sampled',
        datasetSize: m['dataset_size']!,
        rate: m['sampling_probability']!,
        maxBatch: m['truncated_batch_size']!,
        event: gaussian(m['noise_multiplier']!),
      });
    case 'wor_subsampled_gaussian':
      // Its noise multiplier is relative to the sensitivity under replacement, ours to presence: half of that.
      return times(m['steps']!, {
        kind: 'sampled-without-replacement',
        datasetSize: m['source_dataset_size']!,
        sampleSize: m['sample_size']!,
        event: gaussian(m['noise_multiplier']! * 2),
      });
    case 'random_allocation_gaussian':
      return times(m['num_epochs']!, {
        kind: 'random-allocation',
        steps: m['num_steps']!,
        selected: m['num_selected']!,
        event: gaussian(m['noise_multiplier']!),
      });
    case 'repeat_and_select':
      return { kind: 'repeat-and-select', mean: m['mean']!, shape: m['shape']!, event: eventOf(m.base!)! };
    default:
      return null;
  }
}
