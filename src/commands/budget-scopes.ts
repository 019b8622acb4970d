import {
  capOf,
  figuresOf,
  figuresOfCap,
  levelOf,
  relations,
  unitOf,
  type Figures,
  type ScopeState,
  type BudgetCap,
  type Relation,
} from '../../privacy/index.ts';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { jobsIn, scopesIn } from '../ledger/index.ts';
import type { Action } from './actions.ts';
import { ledgerOption, onLedger, type LedgerArguments } from './budget-ledger.ts';
import type { Output } from './output.ts';

interface InitArguments extends LedgerArguments {
  readonly scope: string;
  readonly description: string;
  readonly unit: 'record' | 'user';
  readonly relation: Relation;
  readonly delta: number;
  readonly epsilon: number | undefined;
  readonly rho: number | undefined;
  readonly mu: number | undefined;
  readonly parent: string | undefined;
  readonly approvals: number | undefined;
  readonly expires: string | undefined;
  readonly review: string | undefined;
}

export const init: Action<InitArguments> = {
  command: 'init <scope>',
  describe: 'Open the budget of a population',
  builder: (parser) =>
    parser
      .positional('scope', { type: 'string', demandOption: true, describe: 'Name of the scope' })
      .option('description', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Who these people are',
      })
      .option('unit', {
        choices: ['record', 'user'] as const,
        demandOption: true,
        describe: 'Who is protected',
      })
      .option('relation', {
        choices: relations,
        default: relations[0]!,
        describe: 'What neighbouring data sets differ in',
      })
      .option('delta', {
        type: 'number',
        demandOption: true,
        requiresArg: true,
        describe: 'Delta of the epsilons; below 1 / number of people',
      })
      .option('epsilon', {
        type: 'number',
        requiresArg: true,
        describe: 'Budget in epsilon: Renyi filter, for sampled training',
      })
      .option('mu', {
        type: 'number',
        requiresArg: true,
        describe: 'Budget in mu: Gaussian DP, tightest for plans that run to their end',
      })
      .option('rho', { type: 'number', requiresArg: true, describe: 'Budget in rho: zCDP' })
      .option('parent', { type: 'string', requiresArg: true, describe: 'Scope that these people belong to' })
      .option('approvals', {
        type: 'number',
        requiresArg: true,
        describe: 'Approvals by trusted keys that every plan needs',
      })
      .option('expires', {
        type: 'string',
        requiresArg: true,
        describe: 'Last day of charges, such as 2027-06-30',
      })
      .option('review', { type: 'string', requiresArg: true, describe: 'Day by which to look at it again' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { description, unit, relation, delta, parent, approvals, expires, review } = args;
      const scope = await ledger.openScope({
        name: args.scope,
        description,
        unit,
        relation,
        delta,
        budget: budgetIn(args),
        ...(parent !== undefined && { parent }),
        ...(approvals !== undefined && { approvals }),
        ...(expires !== undefined && { expires }),
        ...(review !== undefined && { review }),
      });
      output.line(
        `scope ${scope.name}: ${unitOf(scope)} ${capOf(scope)} for each ${unit}, ${relation}, delta ${delta}`,
      );
      output.line(`Charges add up by: ${scope.theorem}.`);
      output.line(`In a job: ledger: {scope: ${scope.name}}`);
      output.event({ event: 'scope', ledger: ledger.place, scope });
    }),
};

function budgetIn({ epsilon, rho, mu }: InitArguments): BudgetCap {
  const given = Object.entries({ epsilon, rho, mu }).filter(([, value]) => value !== undefined);
  if (given.length === 1) return Object.fromEntries(given) as unknown as BudgetCap;
  throw new InvalidParameterError(
    'budget: exactly one of --epsilon, --rho and --mu must be given. Give --epsilon for sampled training.',
  );
}

interface ShowArguments extends LedgerArguments {
  readonly scope: string | undefined;
  readonly as: string | undefined;
}

export const show: Action<ShowArguments> = {
  command: 'show [scope]',
  describe: 'Show what budgets have spent and what is left of them',
  builder: (parser) =>
    parser
      .positional('scope', { type: 'string', describe: 'One scope; all unless given' })
      .option('as', {
        type: 'string',
        requiresArg: true,
        describe: 'Units to show, such as epsilon,mu,rho; each budget in its own unless given',
      })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const units = unitsIn(args.as);
      const states =
        args.scope === undefined ? await scopesIn(ledger.database) : [await ledger.scope(args.scope)];
      const jobs = await jobsIn(ledger.database);
      const today = new Date().toISOString().slice(0, 10);
      const rows = states.flatMap((state) => {
        const own = jobs.filter(({ scope }) => scope === state.scope.name);
        const active = own.filter((job) => job.state === 'reserved' || job.state === 'running').length;
        return (units ?? [unitOf(state.scope)]).map((unit) => ({
          scope: state.scope.name,
          protects: state.scope.unit,
          unit,
          budget: rounded(figuresOfCap(state.scope)[unit]),
          committed: rounded(committed(state, unit)),
          left: rounded(leftOf(state, unit)),
          jobs: own.length,
          active,
          note: noteOf(state, today),
        }));
      });
      if (rows.length === 0) output.line('No budget is open. dptune budget init opens one.');
      output.table(rows);
      for (const state of states) emit(output, state);
    }),
};

function unitsIn(as: string | undefined): (keyof Figures)[] | undefined {
  return as?.split(',').map((unit) => {
    if (unit === 'epsilon' || unit === 'mu' || unit === 'rho') return unit;
    throw new InvalidParameterError(
      `--as=${unit}: must be epsilon, mu or rho. Separate several with commas.`,
    );
  });
}

function committed(state: ScopeState, unit: keyof Figures): number {
  return figuresOf(state.scope, state.held)[unit];
}

/** What one more mechanism may cost: mu adds up in squares, the others plainly. */
function leftOf(state: ScopeState, unit: keyof Figures): number {
  const [cap, spent] = [figuresOfCap(state.scope)[unit], committed(state, unit)];
  return unit === 'mu' ? Math.sqrt(Math.max(0, cap ** 2 - spent ** 2)) : Math.max(0, cap - spent);
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

function noteOf({ scope, closed }: ScopeState, today: string): string {
  if (closed) return 'closed';
  if (scope.expires !== undefined && today > scope.expires) return `expired ${scope.expires}`;
  if (scope.review !== undefined && today > scope.review) return `review was due ${scope.review}`;
  return scope.parent === undefined ? '' : `within ${scope.parent}`;
}

function emit(output: Output, state: ScopeState): void {
  const { scope, closed, held } = state;
  const spent = levelOf(scope, held);
  output.event({
    event: 'scope',
    scope,
    closed,
    unit: unitOf(scope),
    budget: capOf(scope),
    committed: spent,
    remaining: capOf(scope) - spent,
    figures: { budget: figuresOfCap(scope), committed: figuresOf(scope, held) },
  });
}

interface CloseArguments extends LedgerArguments {
  readonly scope: string;
  readonly reason: string;
}

export const close: Action<CloseArguments> = {
  command: 'close <scope>',
  describe: 'Close a budget for good: nothing more can be charged to it',
  builder: (parser) =>
    parser
      .positional('scope', { type: 'string', demandOption: true, describe: 'Name of the scope' })
      .option('reason', { type: 'string', demandOption: true, requiresArg: true, describe: 'Why' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      await ledger.closeScope(args.scope, args.reason);
      output.line(`scope ${args.scope}: closed`);
      output.event({ event: 'closed', scope: args.scope, reason: args.reason });
    }),
};
