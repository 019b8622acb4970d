import type { Check } from './checks.ts';

const kind = 'privacy.mechanism.kind';
const bands = 'privacy.mechanism.bands';

/** Rules on noise that is correlated from step to step. */
export const MECHANISM_CHECKS: readonly Check[] = [
  {
    paths: [kind, 'privacy.relation', 'data.fewShot'],
    problem: (setting) => {
      if (setting(kind) !== 'banded-matrix') return undefined;
      const covers = '=banded-matrix protects units that join or leave';
      if (setting('privacy.relation') === 'replace-one')
        return `${covers}; give privacy.relation: add-or-remove-one or zero-out, or kind: gaussian`;
      return setting('data.fewShot') === undefined
        ? undefined
        : `${covers}, and under data.fewShot one replaces another; remove data.fewShot, or give kind: gaussian`;
    },
  },
  {
    paths: [bands, kind, 'privacy.noiseMultiplier'],
    problem: (setting) => {
      const isBanded = setting(kind) === 'banded-matrix';
      if (setting(bands) !== 'auto')
        return isBanded
          ? undefined
          : 'has no effect with privacy.mechanism.kind=gaussian; remove it, or set kind: banded-matrix';
      return isBanded && setting('privacy.noiseMultiplier') !== undefined
        ? '=auto compares numbers of bands at one epsilon, and privacy.noiseMultiplier is given; give the number, or privacy.epsilon'
        : undefined;
    },
  },
];

/** @param owner - a phase, or `train` */
export function optimizerMechanismCheck(owner: string): Check {
  const optimizer = `${owner}.optimizer.kind`;
  return {
    paths: [optimizer, kind],
    problem: (setting) =>
      setting(optimizer) === 'dp-adam-bc' && setting(kind) === 'banded-matrix'
        ? '=dp-adam-bc takes out the variance of independent noise, and privacy.mechanism.kind=banded-matrix correlates it; choose sgd or adamw'
        : undefined,
  };
}
