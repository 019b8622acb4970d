import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { InvalidParameterError } from '../../privacy/errors.ts';

/** Where a passphrase may come from, beside a prompt and DPTUNE_PASSPHRASE. */
export const passphraseOption = {
  type: 'string',
  requiresArg: true,
  describe: 'File with the passphrase of the key, else DPTUNE_PASSPHRASE or a prompt',
} as const;

/**
 * The passphrase of a key: first line of a file, else DPTUNE_PASSPHRASE, else typed on the terminal, unseen.
 * @param twice - asks a second time, for a new key
 */
export async function passphraseFor(name: string, file: string | undefined, twice = false): Promise<string> {
  if (file !== undefined) return readFileSync(file, 'utf8').split(/\r?\n/)[0]!;
  const given = process.env['DPTUNE_PASSPHRASE'];
  if (given) return given;
  if (!process.stdin.isTTY) {
    throw new InvalidParameterError(
      `passphrase: key ${name} needs one, and there is no terminal to ask on. Set DPTUNE_PASSPHRASE, or give --passphrase-file.`,
    );
  }
  const typed = await ask(`Passphrase of key ${name}: `);
  if (twice && (await ask('Once more: ')) !== typed) {
    throw new InvalidParameterError('passphrase: the two differ. Start again.');
  }
  return typed;
}

/** Asks on stderr without showing what is typed. */
function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      reader.close();
      process.stderr.write('\n');
      settle();
    };
    reader.once('SIGINT', () => end(() => reject(new InvalidParameterError('passphrase: none was typed.'))));
    reader.question('', (answer) => end(() => resolve(answer)));
  });
}
