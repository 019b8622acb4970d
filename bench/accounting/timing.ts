import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { calibrate, epsilonOf, readoutsOf, type DpEvent } from '../../privacy/index.ts';
import { dpSgd } from '../../test/accounting/events.ts';

const relation = 'add-or-remove-one';
const delta = 1e-5;
const rounds = 5;
const python = process.env['DPTUNE_PYTHON'] ?? 'python3';

type Reply = { value?: number; milliseconds?: number; error?: string };
type Libraries = { ask(question: object): Promise<Reply>; end(): void };

/** The Python process beside us, or null where dp_accounting is not installed. */
function libraries(): Libraries | null {
  const check = spawnSync(python, ['-c', 'import dp_accounting, opacus'], { stdio: 'ignore' });
  if (check.status !== 0) return null;
  const path = new URL('./libraries.py', import.meta.url).pathname;
  const child: ChildProcess = spawn(python, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((reply: Reply) => void)[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) =>
    waiting.shift()?.(JSON.parse(line) as Reply),
  );
  return {
    ask: (question) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin!.write(`${JSON.stringify(question)}\n`);
      }),
    end: () => child.stdin!.end(),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** 30-digit values (test/golden/accounting/contour.py), by the number of steps. */
const truths = new Map(
  (
    JSON.parse(
      readFileSync(new URL('../../test/golden/accounting/contour.json', import.meta.url), 'utf8'),
    ) as { cases: { name: string; phases: [number, string, number][]; epsilon: number }[] }
  ).cases
    .filter(({ name }) => /^dp-sgd 1e\d$/.test(name))
    .map(({ phases, epsilon }) => [phases[0]![2], epsilon]),
);

function taskName(steps: number): string {
  return `epsilon, T = ${steps}`;
}

type Task = {
  readonly name: string;
  readonly truth?: number | undefined;
  readonly ours: () => number;
  readonly theirs: readonly { readonly method: string; readonly question: object }[];
};

function eventOf(noise: number): DpEvent {
  return dpSgd(noise, 0.01, 1000);
}

function tasks(): Task[] {
  const epsilons = [1e3, 1e4, 1e5, 1e6].map((steps) => {
    const question = { noise: 1, rate: 0.01, steps, delta };
    return {
      name: taskName(steps),
      truth: truths.get(steps),
      ours: () => epsilonOf(dpSgd(1, 0.01, steps), { delta, relation }).epsilon.upper,
      // Opacus needs more than 1 GB at 1e5 steps and more memory than most machines have at 1e6.
      theirs: ['dp_accounting PLD', ...(steps <= 1e4 ? ['Opacus PRV'] : [])].map((method) => ({
        method,
        question,
      })),
    };
  });
  const target = { epsilon: 3, delta };
  return [
    ...epsilons,
    {
      name: 'noise for epsilon 3, T = 1000',
      ours: () => calibrate(eventOf, { target, relation }).value,
      theirs: ['dp_accounting PLD calibration', 'Opacus PRV calibration'].map((method) => ({
        method,
        question: { rate: 0.01, steps: 1000, ...target },
      })),
    },
    {
      name: 'trade-off curve, 500 points, T = 1000',
      ours: () => {
        const readouts = readoutsOf(eventOf(1), { relation });
        let last = 0;
        for (let k = 0; k < 500; k++) last = readouts.falseNegativeRate(k / 500).lower;
        return last;
      },
      theirs: [],
    },
  ];
}

/** Medians of interleaved runs: ours, then each library, five times over. */
export async function reportTimes(): Promise<void> {
  const beside = libraries();
  if (!beside) console.log(`${python} has no dp_accounting and opacus: only our own times follow`);
  const rows: Record<string, string | number>[] = [];
  for (const { name, truth, ours: run, theirs } of tasks()) {
    const times = new Map<string, number[]>();
    const values = new Map<string, number | string>();
    run();
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const value = run();
      times.set('dptune', [...(times.get('dptune') ?? []), performance.now() - start]);
      values.set('dptune', value);
      for (const { method, question } of beside ? theirs : []) {
        const reply = await beside!.ask({ method, ...question });
        if (reply.error !== undefined) values.set(method, reply.error);
        else {
          times.set(method, [...(times.get(method) ?? []), reply.milliseconds!]);
          values.set(method, reply.value!);
        }
      }
    }
    const own = median(times.get('dptune')!);
    for (const [method, value] of values) {
      const measured = times.get(method);
      rows.push({
        task: name,
        method,
        ms: measured ? Number(median(measured).toPrecision(3)) : 'failed',
        'times ours': measured ? Number((median(measured) / own).toPrecision(3)) : '-',
        value: typeof value === 'number' ? value.toPrecision(10) : value,
        'above truth': truth && typeof value === 'number' ? (value / truth - 1).toExponential(1) : '-',
      });
    }
  }
  beside?.end();
  console.table(rows);
  const ours = (steps: number): number =>
    Number(rows.find(({ task, method }) => task === taskName(steps) && method === 'dptune')!['ms']);
  console.log(`growth from T = 1e3 to 1e6: ${(ours(1e6) / ours(1e3)).toPrecision(3)} times`);
  reportMemory();
  reportColdStart(beside !== null);
}

function startTime(command: string, args: readonly string[]): number {
  return median(
    Array.from({ length: rounds }, () => {
      const start = performance.now();
      execFileSync(command, args, { stdio: 'ignore' });
      return performance.now() - start;
    }),
  );
}

/** In a process of its own, of the built package: one epsilon, the hardest of the table. */
function reportMemory(): void {
  const built = new URL('../../dist/privacy/index.js', import.meta.url);
  if (!existsSync(built.pathname)) return;
  const program = [
    `const { epsilonOf } = await import(${JSON.stringify(built.href)});`,
    `epsilonOf(${JSON.stringify(dpSgd(1, 0.01, 1e6))}, { delta: 1e-5, relation: 'add-or-remove-one' });`,
    'console.log(process.resourceUsage().maxRSS);',
  ].join('\n');
  const used = Number(execFileSync(process.execPath, ['--input-type=module', '-e', program]));
  console.log(`peak memory of one epsilon, T = 1e6: ${Math.round(used / 1024)} MiB`);
}

/** From nothing to one epsilon on the terminal. Needs the built package (npm run build). */
function reportColdStart(withPython: boolean): void {
  const cli = new URL('../../dist/src/cli.js', import.meta.url).pathname;
  if (existsSync(cli)) {
    const args = [
      'account',
      '--noise-multiplier',
      '1',
      '--sampling-rate',
      '0.01',
      '--steps',
      '1000',
      '--delta',
      '1e-5',
    ];
    console.log(`cold start, dptune account: ${startTime(process.execPath, [cli, ...args]).toFixed(0)} ms`);
  } else console.log('cold start: run npm run build first');
  if (!withPython) return;
  const program = [
    'import dp_accounting as d',
    'from dp_accounting.pld import pld_privacy_accountant as p',
    'e=d.SelfComposedDpEvent(d.PoissonSampledDpEvent(.01,d.GaussianDpEvent(1.0)),1000)',
    'print(p.PLDAccountant().compose(e).get_epsilon(1e-5))',
  ].join('\n');
  console.log(`cold start, dp_accounting PLD: ${startTime(python, ['-c', program]).toFixed(0)} ms`);
}
