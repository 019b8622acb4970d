import type { Adapted, LoraSettings } from './modules.ts';

/**
 * A weight with its LoRA factors added: W + (alpha / rank) B A, transposed where the weight is stored in-out. Each sum is
 * formed in float64 and rounded once.
 * @param weight - W as the checkpoint has it
 * @param factors - has A and B by their names
 */
export function mergedWeight(
  { path, layout, inputs, outputs }: Adapted,
  weight: Float32Array,
  factors: ReadonlyMap<string, Float32Array>,
  { rank, alpha }: Pick<LoraSettings, 'rank' | 'alpha'>,
): Float32Array {
  const a = factors.get(`${path}.lora_A.weight`)!;
  const b = factors.get(`${path}.lora_B.weight`)!;
  const merged = Float32Array.from(weight);
  const [outputStride, inputStride] = layout === 'out-in' ? [inputs, 1] : [1, outputs];
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      let product = 0;
      for (let k = 0; k < rank; k++) product += b[output * rank + k]! * a[k * inputs + input]!;
      const at = output * outputStride + input * inputStride;
      merged[at] = merged[at]! + (alpha / rank) * product;
    }
  }
  return merged;
}
