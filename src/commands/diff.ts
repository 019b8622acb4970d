import { existsSync, statSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { diffValues, roundedUp } from '../../privacy/index.ts';
import {
  comparablePlan,
  comparableReport,
  readReport,
  whyIncomparable,
  type Comparable,
} from '../report/index.ts';
import { readJson, readPlanFile } from '../train/index.ts';
import { outputFor, type Cell, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly a: string;
  readonly b: string;
}

/** Compares two runs, reports or plans; epsilons only where they mean the same. */
export const diff: CommandModule<CommonArguments, Arguments> = {
  command: 'diff <a> <b>',
  describe: 'Compare two runs, reports or plans',
  builder: (parser) =>
    parser
      .positional('a', {
        type: 'string',
        demandOption: true,
        describe: 'Run, release, report.json or plan.json',
      })
      .positional('b', { type: 'string', demandOption: true, describe: 'Another of them' })
      .example('$0 diff runs/reviews runs/reviews-2', 'what changed, and what it did to the guarantee'),
  handler: async (args) => {
    const output = outputFor(args);
    const [a, b] = [await comparableIn(args.a), await comparableIn(args.b)];
    const reasons = whyIncomparable(a, b);
    if (reasons.length === 0) output.line(verdictOn(a, b));
    else output.line('The epsilons are not compared, because they do not mean the same:');
    for (const reason of reasons) output.line(`- ${reason}`);
    output.line();
    const found = diffValues(a.settings, b.settings);
    output.table(found.map(({ field, before, after }) => ({ field, a: cellOf(before), b: cellOf(after) })));
    if (found.length === 0) output.line('No setting and no figure differs.');
    const epsilon =
      reasons.length === 0
        ? { comparable: true, a: a.epsilon, b: b.epsilon }
        : { comparable: false, reasons };
    output.event({ event: 'diff', epsilon, fields: found });
  },
};

function verdictOn(a: Comparable, b: Comparable): string {
  const verdict =
    a.epsilon === b.epsilon ? 'the same' : `${a.epsilon < b.epsilon ? 'a' : 'b'} is the more private`;
  return `epsilon ${roundedUp(a.epsilon, 4)} and ${roundedUp(b.epsilon, 4)} at delta ${a.delta} for ${a.unit}: ${verdict}`;
}

function cellOf(value: unknown): Cell {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Cell);
}

/** A file is told from another by what stands in it. */
async function comparableIn(path: string): Promise<Comparable> {
  if (existsSync(path) && statSync(path).isFile()) {
    const { format } = (await readJson(path)) as { format?: unknown };
    if (format === 'dptune-plan/1') return comparablePlan(await readPlanFile(path));
  }
  return comparableReport(await readReport(path));
}
