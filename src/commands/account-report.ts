import { roundedUp, type Answer, type Interval, type Readouts } from '../../privacy/index.ts';
import type { Solved } from './account.ts';
import type { Output } from './output.ts';

/** The digits of an answer that are certified: the lower end rounded down, the upper end up. */
export function certified({ epsilon }: Pick<Answer, 'epsilon'>): { lower: string; upper: string } {
  const { lower, upper } = epsilon;
  if (!(upper > 0 && upper < Infinity)) return { lower: String(lower), upper: String(upper) };
  const digits = Math.min(8, Math.max(3, Math.ceil(-Math.log10((upper - lower) / upper + 1e-9)) + 1));
  return { lower: roundedDown(lower, digits), upper: roundedUp(upper, digits) };
}

function roundedDown(value: number, digits: number): string {
  if (!(value > 0)) return String(value);
  const nearest = Number(value.toPrecision(digits));
  if (nearest <= value) return String(nearest);
  const lastDigit = 10 ** (Math.floor(Math.log10(nearest)) - digits + 1);
  return String(Number((nearest - lastDigit).toPrecision(digits)));
}

const methods: Readonly<Record<Answer['method'], string>> = {
  'closed-form': 'closed form',
  contour: 'privacy loss distribution by its characteristic function, two-sided',
  pld: 'privacy loss distribution, two-sided',
  rdp: 'Renyi divergence (an upper bound only)',
  zcdp: 'zero-concentrated DP (an upper bound only)',
  'monte-carlo': 'Monte Carlo (not certified)',
  trivial: 'no computation needed',
};

export function showAnswer(output: Output, answer: Answer, solved: Solved | undefined): void {
  const { lower, upper } = certified(answer);
  if (solved) output.line(`${solved.name.replace('-', ' ')} = ${solvedText(solved)}`);
  output.table([
    {
      epsilon: `at most ${upper}`,
      'certified from below': answer.epsilon.lower > 0 ? `at least ${lower}` : 'no',
      delta: answer.delta,
      relation: answer.relation,
      method: methods[answer.method],
    },
  ]);
}

/** Rounded so that the target still holds: more noise, a lower rate. */
function solvedText({ name, value }: Solved): string {
  if (name === 'steps') return String(value);
  return name === 'noise-multiplier' ? roundedUp(value, 7) : roundedDown(value, 7);
}

export function showCurve(output: Output, readouts: Readouts, answer: Answer): void {
  const end = Number.isFinite(answer.epsilon.upper) ? Math.max(answer.epsilon.upper * 1.5, 1e-3) : 10;
  const points = Array.from({ length: 16 }, (_, k) => {
    const epsilon = Number(((end * k) / 15).toPrecision(3));
    return { epsilon, delta: readouts.delta(epsilon) };
  });
  output.line();
  output.table(points.map(({ epsilon, delta }) => ({ epsilon, 'delta at most': roundedUp(delta.upper, 4) })));
  output.event({ event: 'curve', points });
}

const rates = [0.001, 0.01, 0.1] as const;

function row(attack: string, { upper }: Interval) {
  return { attack, 'at most': roundedUp(upper, 4) };
}

export function showAttacks(output: Output, readouts: Readouts): void {
  const advantage = readouts.advantage();
  const accuracy = readouts.accuracy(0.5);
  const truePositives = rates.map((rate) => ({ rate, ...readouts.truePositiveRate(rate) }));
  const mu = readouts.mu();
  output.line();
  output.table([
    row('advantage (true minus false positive rate)', advantage),
    row('right guesses whether a unit took part, from even odds', accuracy),
    ...truePositives.map((at) => row(`true positive rate at a false positive rate of ${at.rate}`, at)),
  ]);
  output.line(
    `Gaussian DP: mu = ${roundedUp(mu.mu, 4)} (its curve lies up to ${roundedUp(mu.regret, 2)} below the true one)`,
  );
  output.event({ event: 'attacks', advantage, accuracyAtEvenPrior: accuracy, truePositives, mu });
}

const size = { width: 480, height: 480, margin: 60 } as const;

/** The trade-off curve as an SVG image: the least false negative rate of any attack at each false positive rate. */
export function curvePlot(readouts: Readouts, answer: Answer): string {
  const { width, height, margin } = size;
  const x = (rate: number): string => (margin + rate * (width - 1.5 * margin)).toFixed(2);
  const y = (rate: number): string => (height - margin - rate * (height - 1.5 * margin)).toFixed(2);
  const points = Array.from({ length: 201 }, (_, k) => {
    const rate = (k / 200) ** 2;
    return `${x(rate)},${y(readouts.falseNegativeRate(rate).lower)}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const { upper } = certified(answer);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>Trade-off curve: epsilon at most ${upper} at delta ${answer.delta}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...ticks.flatMap((tick) => [
      `<line x1="${x(tick)}" y1="${y(0)}" x2="${x(tick)}" y2="${y(1)}" stroke="#ddd"/>`,
      `<line x1="${x(0)}" y1="${y(tick)}" x2="${x(1)}" y2="${y(tick)}" stroke="#ddd"/>`,
      `<text x="${x(tick)}" y="${height - margin + 18}" text-anchor="middle">${tick}</text>`,
      `<text x="${margin - 8}" y="${y(tick)}" text-anchor="end" dominant-baseline="middle">${tick}</text>`,
    ]),
    `<line x1="${x(0)}" y1="${y(1)}" x2="${x(1)}" y2="${y(0)}" stroke="#999" stroke-dasharray="4 4"/>`,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#0b62c4" stroke-width="2"/>`,
    `<text x="${width / 2}" y="${height - 16}" text-anchor="middle">false positive rate</text>`,
    `<text x="16" y="${height / 2}" text-anchor="middle" transform="rotate(-90 16 ${height / 2})">least false negative rate of any attack</text>`,
    `<text x="${width / 2}" y="20" text-anchor="middle">epsilon at most ${upper} at delta ${answer.delta}</text>`,
    '</svg>',
    '',
  ].join('\n');
}
