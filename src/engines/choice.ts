import type { Engine, EngineOptions } from './engine.ts';
import { createOnnxEngine } from './onnx/engine.ts';
import { createTfjsEngine } from './tfjs/engine.ts';

export interface EngineChoice extends EngineOptions {
  /** `auto` (default) is the fastest that loads here; `Engine.device` says what it took. */
  readonly engine?: 'auto' | 'onnx' | 'tfjs';
}

/**
 * Starts the chosen engine.
 * @throws {Error} with each engine's reason, if none loads
 */
export async function createEngine({ engine = 'auto', ...options }: EngineChoice = {}): Promise<Engine> {
  const startTfjs = (): Promise<Engine> => createTfjsEngine(options);
  if (engine === 'onnx') return createOnnxEngine(options);
  if (engine === 'tfjs') return startTfjs();
  // onnxruntime computed the same gradients faster than every tfjs backend wherever both were measured.
  try {
    return await createOnnxEngine(options);
  } catch (onnxReason) {
    if (options.device !== undefined && options.device !== 'cpu') throw onnxReason;
    return startTfjs().catch((tfjsReason: unknown) => {
      // oxlint-disable-next-line preserve-caught-error -- both reasons are among the errors
      throw new AggregateError(
        [onnxReason, tfjsReason],
        `engine=auto: no engine loads here; run dptune engines. onnx: ${String(onnxReason)}; tfjs: ${String(tfjsReason)}`,
      );
    });
  }
}
