import type { CommandModule } from 'yargs';
import { parseVerifierKey } from '../../privacy/index.ts';
import { newKey, ownKeys, publicKeyOf } from '../ledger/index.ts';
import { ledgerOption, onLedger, type LedgerArguments } from './budget-ledger.ts';
import { unknownAction, type Action, type ActionArguments } from './actions.ts';
import { outputFor, type CommonArguments } from './output.ts';
import { passphraseFor, passphraseOption } from './passphrase.ts';

interface NewArguments extends CommonArguments {
  readonly name: string;
  readonly 'passphrase-file': string | undefined;
}

const make: Action<NewArguments> = {
  command: 'new <name>',
  describe: 'Make a key of your own, encrypted with a passphrase',
  builder: (parser) =>
    parser
      .positional('name', { type: 'string', demandOption: true, describe: 'Your name, or that of your team' })
      .option('passphrase-file', passphraseOption),
  handler: async (args) => {
    const output = outputFor(args);
    const { text } = newKey(args.name, await passphraseFor(args.name, args['passphrase-file'], true));
    output.line(text);
    output.note('That is the public half: give it to those who check what you sign.');
    output.event({ event: 'key', name: args.name, publicKey: text });
  },
};

interface ShowArguments extends CommonArguments {
  readonly name: string | undefined;
}

const show: Action<ShowArguments> = {
  command: 'show [name]',
  describe: 'Show the public half of your keys',
  builder: (parser) => parser.positional('name', { type: 'string', describe: 'One key; all unless given' }),
  handler: (args) => {
    const output = outputFor(args);
    const keys = args.name === undefined ? ownKeys() : [publicKeyOf(args.name)];
    for (const { name, text } of keys) {
      output.line(text);
      output.event({ event: 'key', name, publicKey: text });
    }
    if (keys.length === 0) output.line('You have no key. dptune keys new NAME makes one.');
  },
};

interface TrustArguments extends LedgerArguments {
  readonly key: string;
  readonly revoke: boolean;
}

const trust: Action<TrustArguments> = {
  command: 'trust <key>',
  describe: 'Let a key approve plans in a ledger',
  builder: (parser) =>
    parser
      .positional('key', { type: 'string', demandOption: true, describe: 'Public key NAME+HASH+BASE64' })
      .option('revoke', { type: 'boolean', default: false, describe: 'No longer' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { name, text } = parseVerifierKey(args.key);
      await ledger.trust(text, !args.revoke);
      output.line(
        `${name}: ${args.revoke ? 'may no longer approve' : 'may approve'} plans in ${ledger.place}`,
      );
      output.event({ event: 'trust', publicKey: text, trusted: !args.revoke });
    }),
};

const ACTIONS = [make, show, trust] as unknown as readonly Action[];

/** Keys that sign checkpoints and approvals. */
export const keys: CommandModule<CommonArguments, ActionArguments> = {
  command: 'keys [action] [arguments..]',
  describe: 'Make and show your signing keys, and trust those of others',
  builder: (parser) => {
    for (const action of ACTIONS) parser.command(action);
    return parser.example('$0 keys new ann', 'then: dptune train ... --key ann');
  },
  // Reached only where no action matched.
  handler: ({ action }) => {
    throw unknownAction('keys', action, ACTIONS);
  },
};
