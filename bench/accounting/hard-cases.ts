import { epsilonOf, type DpEvent } from '../../privacy/index.ts';
import { dpSgd, gaussian, times } from '../../test/accounting/events.ts';

const phases: DpEvent = {
  kind: 'composed',
  events: Array.from({ length: 50 }, (_, k) => dpSgd(0.8 + 0.05 * k, 0.001 * (k + 1), 20 + k)),
};

const cases: readonly (readonly [string, DpEvent, number])[] = [
  ['delta 1e-30', dpSgd(1, 0.01, 1000), 1e-30],
  ['delta 1e-300', dpSgd(1, 0.01, 1000), 1e-300],
  ['noise multiplier 0.05', dpSgd(0.05, 0.01, 10), 1e-5],
  ['noise multiplier 0.01', dpSgd(0.01, 0.01, 10), 1e-5],
  ['rate 1e-7, 10^8 steps', dpSgd(1, 1e-7, 1e8), 1e-6],
  ['rate 1', dpSgd(4, 1, 100), 1e-6],
  ['no steps', dpSgd(1, 0.01, 0), 1e-5],
  ['epsilon about 1e-5', dpSgd(50, 1e-6, 1e4), 1e-9],
  ['50 phases, all different', phases, 1e-6],
  ['2 * 10^10 steps', dpSgd(1, 1e-7, 2e10), 1e-5],
  ['delta 1', gaussian(1), 1],
  ['delta 0', times(3, { kind: 'laplace', noiseMultiplier: 2 }), 0],
];

/** Certified intervals where other accountants break, hang or return NaN. */
export function reportHardCases(): void {
  console.log('\nhard cases (add-or-remove-one)');
  console.table(
    cases.map(([name, event, delta]) => {
      const start = performance.now();
      const { epsilon, method } = epsilonOf(event, { delta, relation: 'add-or-remove-one' });
      return {
        case: name,
        'at least': epsilon.lower.toPrecision(6),
        'at most': epsilon.upper.toPrecision(6),
        method,
        ms: Math.round(performance.now() - start),
      };
    }),
  );
}
