import type { ParameterValues } from './checkpoint.ts';
import type { Adapted, LoraSettings } from './modules.ts';

/**
 * Adds every pair of LoRA factors to the weight that it belongs to: W + (alpha / rank) B A, transposed where the weight
 * is stored in-out. Each sum is formed in float64 and rounded once.
 * @returns values without LoRA's; what did not change is shared with `values`
 */
export function mergeLora(
  adapted: readonly Adapted[],
  values: ReadonlyMap<string, Float32Array>,
  { rank, alpha }: Pick<LoraSettings, 'rank' | 'alpha'>,
): ParameterValues {
  const merged: ParameterValues = new Map(values);
  for (const { path, layout, inputs, outputs } of adapted) {
    const a = values.get(`${path}.lora_A.weight`)!;
    const b = values.get(`${path}.lora_B.weight`)!;
    const weight = Float32Array.from(values.get(`${path}.weight`)!);
    const [outputStride, inputStride] = layout === 'out-in' ? [inputs, 1] : [1, outputs];
    for (let output = 0; output < outputs; output++) {
      for (let input = 0; input < inputs; input++) {
        let product = 0;
        for (let k = 0; k < rank; k++) product += b[output * rank + k]! * a[k * inputs + input]!;
        const at = output * outputStride + input * inputStride;
        weight[at] = weight[at]! + (alpha / rank) * product;
      }
    }
    merged.set(`${path}.weight`, weight);
    merged.delete(`${path}.lora_A.weight`);
    merged.delete(`${path}.lora_B.weight`);
  }
  return merged;
}
