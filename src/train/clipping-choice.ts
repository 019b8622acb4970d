import type { Clipping } from '../../privacy/index.ts';
import type { Config, Phase } from '../config/index.ts';
import type { PhaseRecipe } from './recipe.ts';

/**
 * How a phase clips: as the job says, and by the recipe's norm where it leaves that open.
 *
 * The loss of a multi-label record is a mean over the labels, and its gradient shrinks with their number. The recipe's norms are
 * meant for one cross-entropy: undivided, nothing would be clipped and the noise would drown what is left (38 labels, epsilon 8:
 * micro-F1 .25 for .64; docs/recipe.md). How many labels there are is public only where the job declares them; else
 * automatic clipping takes any scale.
 */
export function clippingFor(
  { clipping: { kind, norm, gamma } }: Pick<Phase, 'clipping'>,
  { clipNorm }: Pick<PhaseRecipe, 'clipNorm'>,
  { task, data: { labels } }: Pick<Config, 'task' | 'data'>,
): { readonly clipping: Clipping; readonly reasons: readonly string[] } {
  const isOpen = task === 'multi-label' && norm === 'auto';
  if (kind === 'automatic' || (isOpen && labels === 'auto' && kind === 'auto')) {
    const reason =
      'automatic clipping: how many labels the loss is a mean over is not declared (data.labels)';
    return {
      clipping: { kind: 'automatic', norm: clipNorm, gamma },
      reasons: kind === 'auto' ? [reason] : [],
    };
  }
  const rule = kind === 'auto' ? 'flat' : kind;
  if (!isOpen || labels === 'auto') return { clipping: { kind: rule, norm: clipNorm }, reasons: [] };
  return {
    clipping: { kind: rule, norm: clipNorm / labels.length },
    reasons: [
      `clipping norm ${clipNorm} / ${labels.length}: the loss is a mean over ${labels.length} labels, and so is its gradient`,
    ],
  };
}
