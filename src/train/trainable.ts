import { InvalidParameterError } from '../../privacy/index.ts';
import { roundable, trainableNames, type LoraSettings, type Network } from '../models/index.ts';
import type { BaseModel } from './base-model.ts';
import type { JobPlan } from './plan-file.ts';
import type { TrainingPhase } from './settings.ts';

/** The adapters that are in the network in a phase: those of the first phase that trains any, from then on. */
export function adaptersIn(
  plan: Pick<JobPlan, 'training'>,
  index: number,
  { architecture }: BaseModel,
): LoraSettings | undefined {
  const found = plan.training.slice(0, index + 1).find(({ method }) => method === 'lora');
  return found && { ...found.lora, targets: found.lora.targets ?? architecture.loraTargets };
}

/** Names of the parameters of a network that a phase trains, in the network's order. */
export function trainableIn(
  { params, pretrainedHead }: Pick<Network, 'params' | 'pretrainedHead'>,
  { method, layers }: Pick<TrainingPhase, 'method' | 'layers'>,
): string[] {
  const trainable = method === 'last' ? { method, layers: layers! } : { method };
  return trainableNames(params, trainable, pretrainedHead);
}

/** What of a base model no phase of a run trains, where its linear maps are held in 8 bits. */
export interface FrozenBase {
  /** All of it. */
  readonly names: ReadonlySet<string>;
  /** Weights in 8 bits. */
  readonly int8: ReadonlySet<string>;
}

/**
 * @param networkWith - the run's whole network with these adapters
 * @returns nothing where the plan holds every weight in float32
 * @throws InvalidParameterError where no linear map stays frozen
 */
export function frozenBaseOf(
  plan: Pick<JobPlan, 'training' | 'frozenWeights'>,
  model: BaseModel,
  networkWith: (lora: LoraSettings | undefined) => Network,
): FrozenBase | undefined {
  if (plan.frozenWeights !== 'int8') return undefined;
  const trained = new Set<string>();
  let params: Network['params'] = [];
  for (const [index, phase] of plan.training.entries()) {
    const network = networkWith(adaptersIn(plan, index, model));
    for (const name of trainableIn(network, phase)) trained.add(name);
    ({ params } = network);
  }
  const int8 = roundable(params, trained);
  if (int8.size === 0) {
    throw new InvalidParameterError(
      'train.frozenWeights=int8: every linear map of the layers trains at some time, so none can be held in 8 bits. Set float32, or train less: lora, bitfit, head, or fewer last layers.',
    );
  }
  return { names: new Set(params.map(({ name }) => name).filter((name) => !trained.has(name))), int8 };
}
