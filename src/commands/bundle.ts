import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import type { CommandModule } from 'yargs';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { writeAtomic } from '../formats/index.ts';
import { bundleOf, openRelease, verifyRelease } from '../verify/index.ts';
import { keyOption, signerFor } from './budget-ledger.ts';
import { outputFor, type CommonArguments } from './output.ts';
import { passphraseOption } from './passphrase.ts';
import { signRelease } from './signing.ts';
import { failureOf, showVerification } from './verify.ts';

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly out: string;
  readonly key: string | undefined;
  readonly 'passphrase-file': string | undefined;
}

/** Packs the released half of a run into one file that can be verified anywhere. */
export const bundle: CommandModule<CommonArguments, Arguments> = {
  command: 'bundle <run>',
  describe: 'Pack the released half of a run into one file that can be verified anywhere',
  builder: (parser) =>
    parser
      .positional('run', {
        type: 'string',
        demandOption: true,
        describe: 'Run directory, or release directory',
      })
      .option('out', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'New tar archive',
      })
      .option('key', { ...keyOption, describe: 'Key that signs the release first, by dptune keys' })
      .option('passphrase-file', passphraseOption)
      .example(
        '$0 bundle runs/reviews --out reviews.tar',
        'the same release gives the same bytes everywhere',
      ),
  handler: async (args) => {
    const output = outputFor(args);
    const { run, out } = args;
    if (existsSync(out)) throw new DataError(`out=${out}: exists. Choose a new file.`);
    const { source } = await openRelease(run);
    if (source === 'bundle') {
      throw new InvalidParameterError(`run=${run}: is a bundle already. Copy it as it is.`);
    }
    const root = resolve(source === 'run' ? join(run, 'release') : run);
    if (resolve(out).startsWith(`${root}${sep}`)) {
      throw new InvalidParameterError(
        `out=${out}: lies in the release that it would hold. Choose a place outside.`,
      );
    }
    const signer = await signerFor(args.key, args['passphrase-file']);
    if (signer) await signRelease(root, signer);
    const release = await openRelease(run);
    const found = await verifyRelease(release, { trust: signer ? [signer.verifier.text] : [] });
    if (!found.passed) {
      showVerification(output, found, false);
      throw failureOf(run, found);
    }
    await writeAtomic(out, bundleOf(root, release.files.values()));
    const files = release.files.size;
    output.line(
      `${out}: ${files} files of ${root}, verified (${found.stamp}). Anyone can check it: dptune verify ${out}`,
    );
    output.event({ event: 'done', out: resolve(out), files, reportDigest: found.reportDigest });
  },
};
