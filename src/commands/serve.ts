import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { identityOf, ledgerUrl, openLedger } from '../ledger/index.ts';
import { startServer } from '../serve/index.ts';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly runs: string;
  readonly ledger: string | undefined;
  readonly port: number;
}

/** Shows budgets, runs, reports and approvals in a browser on this machine. */
export const serve: CommandModule<CommonArguments, Arguments> = {
  command: 'serve [runs]',
  describe: 'Show budgets, runs, reports and approvals in a browser on this machine',
  builder: (parser) =>
    parser
      .positional('runs', { type: 'string', default: '.', describe: 'Directory with runs below it' })
      .option('ledger', { type: 'string', requiresArg: true, describe: 'Ledger to show' })
      .option('port', { type: 'number', default: 0, describe: 'Port; 0 takes a free one' })
      .example('$0 serve runs', 'prints the address to open'),
  handler: async (args) => {
    const output = outputFor(args);
    if (!Number.isSafeInteger(args.port) || args.port < 0 || args.port > 65_535) {
      throw new InvalidParameterError(`port=${args.port}: must be between 0 and 65535.`);
    }
    if (!existsSync(args.runs)) {
      throw new InvalidParameterError(`runs=${args.runs}: there is no such directory. Name one with runs.`);
    }
    const ledger = await openLedger(ledgerUrl(args.ledger), identityOf('dptune serve'));
    try {
      const server = await startServer({
        root: args.runs,
        ledger,
        token: randomBytes(24).toString('base64url'),
        port: args.port,
      });
      output.line(`Open ${server.url}`);
      output.line('Whoever knows this address can read what it shows. Ctrl-C ends it.');
      output.event({ event: 'serving', url: server.url });
      await new Promise<void>((resolve) => {
        process.once('SIGINT', resolve);
        process.once('SIGTERM', resolve);
      });
      await server.close();
    } finally {
      await ledger.close();
    }
  },
};
