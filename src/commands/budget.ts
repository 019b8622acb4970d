import type { CommandModule } from 'yargs';
import { approve, release, reserve, whatif } from './budget-jobs.ts';
import { exportLog, log, prove, verifyLog } from './budget-log.ts';
import { close, init, show } from './budget-scopes.ts';
import type { CommonArguments } from './output.ts';
import { unknownAction, type Action, type ActionArguments } from './actions.ts';

const ACTIONS = [
  init,
  show,
  log,
  reserve,
  release,
  approve,
  whatif,
  verifyLog,
  prove,
  exportLog,
  close,
] as unknown as readonly Action[];

/** Budgets of populations, and the log of everything that was charged to them. */
export const budget: CommandModule<CommonArguments, ActionArguments> = {
  command: 'budget [action] [arguments..]',
  describe: 'Open, show, check and close the privacy budgets of populations',
  builder: (parser) => {
    for (const action of ACTIONS) parser.command(action);
    return parser
      .example(
        '$0 budget init customers --description "all customers, 2026" --unit user --delta 1e-6 --epsilon 8',
        'open a budget; then ledger: {scope: customers} in a job',
      )
      .example('$0 budget show', 'what is left');
  },
  // Reached only where no action matched.
  handler: ({ action }) => {
    throw unknownAction('budget', action, ACTIONS);
  },
};
