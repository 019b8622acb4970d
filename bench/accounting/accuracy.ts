import { deltaOf, epsilonOf, type Interval } from '../../privacy/index.ts';
import { eventOf, referenceRecords, relationOf, type ReferenceRecord } from '../../test/accounting/events.ts';

const methods = [
  ['dptune', null],
  ['dp_accounting PLD', /connect-the-dots h=1e-4|^PLD h=1e-4$/],
  ['dp_accounting RDP', /^RDP/],
  ['Opacus PRV', /PRV/],
  ['Opacus RDP', /^RDP/],
] as const;

const bands = [
  ['below 0.05', 0, 0.05],
  ['0.05 to 20', 0.05, 20],
  ['above 20', 20, Infinity],
] as const;

/** Relative error of upper bounds against the reference truths, by method and band; and who fell below the truth. */
export function reportAccuracy(): void {
  const errors = new Map<string, number[]>();
  const below: string[] = [];
  let enclosed = 0;
  let asked = 0;
  let typical = 0;
  let close = 0;
  for (const record of referenceRecords()) {
    const found = answerTo(record);
    if (!found) continue;
    asked++;
    const { interval, low, best, high } = found;
    if (interval.lower <= high * (1 + 1e-7) && interval.upper >= low * (1 - 1e-9)) enclosed++;
    else
      console.log(`NOT ENCLOSED ${record.id}: [${interval.lower}, ${interval.upper}] and ${low} .. ${high}`);
    const band = bands.find(([, from, to]) => best >= from && best < to)![0];
    const note = (method: string, value: number): void => {
      const key = `${method} | ${band}`;
      errors.set(key, [...(errors.get(key) ?? []), value / best - 1]);
      if (value < low * (1 - 1e-9)) below.push(`${record.id}: ${method} says ${value}, the truth is ${best}`);
    };
    if (!record.id.startsWith('dpsgd') || record.query.type !== 'epsilon' || best === 0) continue;
    note('dptune', interval.upper);
    if (best > 0.05 && best < 20) {
      typical++;
      if (interval.upper <= best * (1 + 1e-4)) close++;
    }
    for (const [method, pattern] of methods) {
      if (!pattern) continue;
      const said = record.said.find(
        (one) => method.toLowerCase().startsWith(one.library.toLowerCase()) && pattern.test(one.method),
      );
      if (said) note(method, said.value);
    }
  }
  console.log(`\nreference records with a known truth: ${asked}, enclosed by dptune: ${enclosed}`);
  console.log(`DP-SGD records with epsilon from 0.05 to 20: ${typical}, upper end within 1e-4: ${close}\n`);
  console.log('relative error of the upper bound of epsilon, DP-SGD records');
  console.table(
    methods.flatMap(([method]) =>
      bands.flatMap(([band]) => {
        const values = (errors.get(`${method} | ${band}`) ?? [])
          .filter(Number.isFinite)
          .sort((a, b) => a - b);
        if (values.length === 0) return [];
        const at = (share: number): string =>
          values[Math.floor(share * (values.length - 1))]!.toExponential(1);
        return [
          {
            method,
            band,
            records: values.length,
            least: at(0),
            median: at(0.5),
            'p 90': at(0.9),
            largest: at(1),
          },
        ];
      }),
    ),
  );
  console.log(`upper bounds below the truth: ${below.length}`);
  for (const line of below) console.log(`  ${line}`);
}

type Found = { interval: Interval; low: number; best: number; high: number };

function answerTo(record: ReferenceRecord): Found | null {
  const { truth, query } = record;
  const event = eventOf(record.mechanism);
  if (!truth || !event) return null;
  const relation = relationOf(record.adjacency);
  const error = truth.rel_error ?? 0;
  const best = truth.exact ?? truth.estimate ?? truth.upper!;
  const low = truth.exact ?? truth.lower ?? best * (1 - error);
  const high = truth.exact ?? truth.upper ?? best * (1 + error);
  if (query.type === 'epsilon') {
    return { interval: epsilonOf(event, { delta: query.delta!, relation }).epsilon, low, best, high };
  }
  if (query.type !== 'delta') return null;
  return { interval: deltaOf(event, { epsilon: query.epsilon!, relation }).delta, low, best, high };
}
