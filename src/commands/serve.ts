import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { signApproval } from '../../privacy/index.ts';
import { startServer } from '../serve/index.ts';
import { ledgerOption, onLedger, signerFor, type LedgerArguments } from './budget-ledger.ts';
import type { CommonArguments } from './output.ts';
import { passphraseOption } from './passphrase.ts';

interface Arguments extends LedgerArguments {
  readonly runs: string;
  readonly port: number;
  readonly key: string | undefined;
  readonly 'passphrase-file': string | undefined;
}

/** Shows budgets, runs, reports and approvals in a browser on this machine. */
export const serve: CommandModule<CommonArguments, Arguments> = {
  command: 'serve [runs]',
  describe: 'Show budgets, runs, reports and approvals in a browser on this machine',
  builder: (parser) =>
    parser
      .positional('runs', { type: 'string', default: '.', describe: 'Directory with runs below it' })
      .option('ledger', ledgerOption)
      .option('key', {
        type: 'string',
        requiresArg: true,
        describe: 'Key, by dptune keys, with which plans can be approved; read only without it',
      })
      .option('passphrase-file', passphraseOption)
      .option('port', { type: 'number', default: 0, requiresArg: true, describe: 'Port; 0 takes a free one' })
      .example('$0 serve runs', 'prints the address to open'),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { runs, port, key } = args;
      if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) {
        throw new InvalidParameterError(
          `port=${port}: must be between 0 and 65535. Leave it out for a free one.`,
        );
      }
      if (!existsSync(runs)) {
        throw new InvalidParameterError(`runs=${runs}: there is no such directory. Name one with runs.`);
      }
      const signer = await signerFor(key, args['passphrase-file']);
      const approve = (plan: string) => ledger.approve(signApproval(plan, new Date().toISOString(), signer!));
      const server = await startServer({
        root: runs,
        ledger,
        token: randomBytes(24).toString('base64url'),
        port,
        ...(key !== undefined && { key: { name: key, approve } }),
      });
      output.line(`Open ${server.url}`);
      output.line('Whoever knows this address can see what it shows. Ctrl-C ends it.');
      output.event({ event: 'serving', url: server.url });
      await new Promise<void>((resolve) => {
        process.once('SIGINT', () => resolve());
        process.once('SIGTERM', () => resolve());
      });
      await server.close();
    }),
};
