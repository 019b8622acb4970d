import { writeFile } from 'node:fs/promises';
import type { Argv, CommandModule } from 'yargs';
import {
  calibrate,
  DptuneError,
  epsilonOf,
  eventFromDpAccounting,
  eventFromOpacus,
  groupOf,
  readoutsOf,
  relations,
  validateEvent,
  type Answer,
  type DpEvent,
  type Relation,
} from '../../privacy/index.ts';
import { runBatch } from './account-batch.ts';
import { certified, curvePlot, showAnswer, showAttacks, showCurve } from './account-report.ts';
import { jsonIn } from './given.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly 'noise-multiplier': number | undefined;
  readonly 'sampling-rate': number | undefined;
  readonly steps: number | undefined;
  readonly delta: number | undefined;
  readonly 'target-epsilon': number | undefined;
  readonly relation: Relation;
  readonly group: number;
  readonly curve: boolean;
  readonly attack: boolean;
  readonly plot: string | undefined;
  readonly event: string | undefined;
  readonly batch: string | undefined;
  readonly from: readonly string[] | undefined;
  readonly 'claimed-epsilon': number | undefined;
}

/** Answers questions about privacy loss without a job: epsilon, noise for a target, curves, attack figures. */
export const account: CommandModule<CommonArguments, Arguments> = {
  command: 'account',
  describe: 'Compute epsilon, or the noise, rate or steps for a target, for any mechanism',
  builder: options,
  handler: async (args) => {
    const output = outputFor(args);
    if (args.batch !== undefined) {
      await runBatch(args.batch, process.stdout);
      return;
    }
    const delta = args.delta;
    if (delta === undefined)
      throw usage('--delta', 'is missing. Give a probability below 1/n, such as 1e-5.');
    const question = await questionOf(args, delta);
    const event = groupOf(question.event, args.group);
    const answer = epsilonOf(event, { delta, relation: args.relation });
    showAnswer(output, answer, question.solved);
    compareClaim(output, answer, args['claimed-epsilon']);
    if (args.curve || args.attack || args.plot !== undefined) {
      const readouts = readoutsOf(event, { relation: args.relation });
      if (args.curve) showCurve(output, readouts, answer);
      if (args.attack) showAttacks(output, readouts);
      if (args.plot !== undefined) {
        await writeFile(args.plot, curvePlot(readouts, answer));
        output.line(`trade-off curve drawn in ${args.plot}`);
      }
    }
    output.event({ event: 'answer', mechanism: event, solved: question.solved ?? null, ...answer });
  },
};

function number(describe: string) {
  return { type: 'number', requiresArg: true, describe } as const;
}

function options(parser: Argv<CommonArguments>): Argv<Arguments> {
  return parser
    .option('noise-multiplier', number('Noise standard deviation / clipping norm'))
    .option('sampling-rate', number('Probability that a unit takes part in a step'))
    .option('steps', number('Number of steps'))
    .option('delta', number('Delta of the guarantee; below 1 / number of units'))
    .option(
      'target-epsilon',
      number('Solve for the one of noise multiplier, rate and steps that is left out'),
    )
    .option('relation', {
      choices: relations,
      default: 'add-or-remove-one' as const,
      describe: 'Which data sets are neighbours',
    })
    .option('group', {
      type: 'number',
      default: 1,
      requiresArg: true,
      describe: 'Protect so many units together (a user with that many records)',
    })
    .option('curve', { type: 'boolean', default: false, describe: 'Show delta at many epsilons' })
    .option('attack', {
      type: 'boolean',
      default: false,
      describe: 'Show what any attacker can reach at most',
    })
    .option('plot', {
      type: 'string',
      requiresArg: true,
      describe: 'Draw the trade-off curve into this SVG file',
    })
    .option('event', { type: 'string', requiresArg: true, describe: 'JSON file with any mechanism' })
    .option('batch', {
      type: 'string',
      requiresArg: true,
      describe: 'File with one JSON query a line (- for standard input); answers in the same order',
    })
    .option('from', {
      type: 'array',
      string: true,
      nargs: 2,
      describe: 'Check another tool: opacus HISTORY.json, or dp-accounting EVENT.json',
    })
    .option('claimed-epsilon', number('The epsilon that the other tool reported, to compare'))
    .example('$0 account --noise-multiplier 1 --sampling-rate 0.01 --steps 1000 --delta 1e-5', 'epsilon')
    .example(
      '$0 account --target-epsilon 3 --sampling-rate 0.01 --steps 1000 --delta 1e-5',
      'the least noise multiplier',
    );
}

function usage(option: string, problem: string): DptuneError {
  return new DptuneError('usage', `${option}: ${problem}`);
}

/** What was solved for, with its value. */
export type Solved = { readonly name: string; readonly value: number };

type Question = { readonly event: DpEvent; readonly solved?: Solved };

async function questionOf(args: Arguments, delta: number): Promise<Question> {
  const given = [args.event, args.from, args['noise-multiplier'] ?? args['sampling-rate'] ?? args.steps];
  if (given.filter((source) => source !== undefined).length > 1) {
    throw usage('--event', 'and --from and the settings of DP-SGD exclude each other. Give one of them.');
  }
  if (args.event !== undefined) return { event: validateEvent(await jsonIn(args.event)) };
  if (args.from) {
    const [tool, path] = args.from;
    const json = await jsonIn(path!);
    if (tool === 'opacus') return { event: eventFromOpacus(json) };
    if (tool === 'dp-accounting') return { event: eventFromDpAccounting(json) };
    throw usage(`--from ${tool}`, 'is not known. Give opacus or dp-accounting, and a file.');
  }
  return dpSgdQuestion(args, delta);
}

function dpSgdQuestion(args: Arguments, delta: number): Question {
  const settings = {
    'noise-multiplier': args['noise-multiplier'],
    'sampling-rate': args['sampling-rate'],
    steps: args.steps,
  };
  const missing = Object.entries(settings)
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  const target = args['target-epsilon'];
  if (target === undefined) {
    if (missing.length > 0) throw usage(`--${missing[0]}`, 'is missing. Give it, or a --target-epsilon.');
    return { event: dpSgd(settings['noise-multiplier']!, settings['sampling-rate']!, settings.steps!) };
  }
  if (missing.length !== 1) {
    throw usage(
      '--target-epsilon',
      'needs exactly one of --noise-multiplier, --sampling-rate and --steps left out.',
    );
  }
  const name = missing[0] as keyof typeof settings;
  const eventAt = (x: number): DpEvent => {
    const full = { ...settings, [name]: x };
    return dpSgd(full['noise-multiplier']!, full['sampling-rate']!, full.steps!);
  };
  const { value } = calibrate((x) => groupOf(eventAt(x), args.group), {
    target: { epsilon: target, delta },
    relation: args.relation,
    decreasing: name === 'noise-multiplier',
    integer: name === 'steps',
  });
  return { event: eventAt(value), solved: { name, value } };
}

function dpSgd(noiseMultiplier: number, rate: number, count: number): DpEvent {
  return validateEvent({
    kind: 'self-composed',
    count,
    event: { kind: 'poisson-sampled', rate, event: { kind: 'gaussian', noiseMultiplier } },
  });
}

/** How far another tool's epsilon is from the certified interval. */
function compareClaim(output: Output, answer: Answer, claimed: number | undefined): void {
  if (claimed === undefined) return;
  const { lower, upper } = answer.epsilon;
  const difference = claimed / upper - 1;
  const verdict = claimed < lower ? 'below-truth' : claimed <= upper ? 'agrees' : 'above';
  const percent = `${(100 * Math.abs(difference)).toPrecision(3)} %`;
  const text = {
    'below-truth': `The claimed epsilon ${claimed} is ${percent} too small: the true one is at least ${certified(answer).lower}.`,
    agrees: `The claimed epsilon ${claimed} agrees.`,
    above: `The claimed epsilon ${claimed} is valid, and ${percent} larger than needed.`,
  }[verdict];
  output.line(text);
  output.event({ event: 'claim', claimed, difference, verdict });
}
