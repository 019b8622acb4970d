import type { Phase } from '../../privacy/index.ts';
import type { GradientDiagnostics } from './gradient.ts';

/** Private: what happened in a step. */
export interface StepDiagnostics {
  readonly phase: string;
  readonly step: number;
  /** Units sampled. */
  readonly batch: number;
  /** Means over the batch; null where it was empty. */
  readonly loss: number | null;
  readonly norm: number | null;
  /** Share of the units whose norm was above the clipping norm. */
  readonly clipped: number | null;
  /** Units that counted as zero because their gradient was not finite. */
  readonly dropped: number;
}

/** @param index - of the step in its phase, from 0 */
export function diagnosticsOf(
  phase: Phase,
  index: number,
  batch: number,
  { norms, losses, dropped }: GradientDiagnostics,
): StepDiagnostics {
  const clipped = norms.filter((norm) => norm > phase.clipping.norm).length;
  return {
    phase: phase.name,
    step: index + 1,
    batch,
    loss: mean(losses),
    norm: mean(norms),
    clipped: norms.length === 0 ? null : clipped / norms.length,
    dropped,
  };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
