import {
  mergedWeight,
  type LoraSettings,
  type Network,
  type ParameterValues,
} from '../../src/models/index.ts';

/** A network's values with every pair of LoRA factors added to its weight. */
export function mergeLora(
  adapted: Network['adapted'],
  values: ParameterValues,
  lora: LoraSettings,
): ParameterValues {
  const merged: ParameterValues = new Map(values);
  for (const part of adapted) {
    const name = `${part.path}.weight`;
    merged.set(name, mergedWeight(part, values.get(name)!, values, lora));
    merged.delete(`${part.path}.lora_A.weight`);
    merged.delete(`${part.path}.lora_B.weight`);
  }
  return merged;
}
