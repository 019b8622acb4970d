import { renderCard, renderHtml, renderOpenDp, verdictOf, type Report } from '../../audits/index.ts';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { writeAtomic } from '../formats/index.ts';
import { isRun, printPdf, readReport, readStatements, writeReport } from '../report/index.ts';
import { ATTESTATION } from '../verify/index.ts';
import { keyOption, signerFor } from './budget-ledger.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import { passphraseOption } from './passphrase.ts';
import { signRelease } from './signing.ts';

const formats = ['html', 'md', 'json', 'pdf', 'opendp'] as const;
type Format = (typeof formats)[number];

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly format: Format | undefined;
  readonly out: string | undefined;
  readonly statements: string | undefined;
  readonly key: string | undefined;
  readonly 'passphrase-file': string | undefined;
}

/** Makes the report of a run anew from its evidence, and renders a report. */
export const report: CommandModule<CommonArguments, Arguments> = {
  command: 'report <run>',
  describe: 'Make the report of a run anew, or render it as a page, card, PDF or registry entry',
  builder: (parser) =>
    parser
      .positional('run', {
        type: 'string',
        demandOption: true,
        describe: 'Run directory; or, to render only, a release directory or report.json',
      })
      .option('format', {
        choices: formats,
        describe: 'Write one rendering to --out, or print it, and leave the run as it is',
      })
      .option('out', { type: 'string', requiresArg: true, describe: 'File for --format' })
      .option('statements', {
        type: 'string',
        requiresArg: true,
        describe: 'YAML file of what only people know: intendedUse, legalBasis, curators, ...',
        conflicts: 'format',
      })
      .option('key', {
        ...keyOption,
        describe: 'Key that signs the release anew, by dptune keys',
        conflicts: 'format',
      })
      .option('passphrase-file', passphraseOption)
      .example('$0 report runs/reviews', 'take up an audit that was made after training')
      .example('$0 report runs/reviews --statements facts.yaml', 'add what only people know')
      .example('$0 report runs/reviews --format pdf --out reviews.pdf', 'print it'),
  handler: async (args) => {
    const output = outputFor(args);
    const { run, format, out } = args;
    if (format) {
      const found = await readReport(run);
      await deliver(output, found, format, out);
      return;
    }
    if (out !== undefined)
      throw new InvalidParameterError(`out=${out}: needs --format, one of ${formats.join(', ')}.`);
    if (!isRun(run)) {
      throw new InvalidParameterError(
        `run=${run}: is no run of yours, whose evidence could be collected. Give --format to render its report.`,
      );
    }
    const stated = args.statements === undefined ? undefined : await readStatements(args.statements);
    const signer = await signerFor(args.key, args['passphrase-file']);
    const written = await writeReport(run, stated);
    if (signer) await signRelease(join(run, 'release'), signer);
    else if (written.wasSigned)
      output.note(`${ATTESTATION}: was over another report and is gone; sign anew with --key NAME`);
    const { title, sentence } = verdictOf(written.report);
    output.line(`${title}. ${sentence}`);
    output.line();
    for (const limit of written.report.limits) output.line(`- ${limit}`);
    output.line();
    output.line(`${written.page}: the report`);
    output.event({ event: 'done', report: written.page, verdict: title });
  },
};

async function deliver(
  output: Output,
  found: Report,
  format: Format,
  out: string | undefined,
): Promise<void> {
  if (format === 'pdf') {
    if (out === undefined)
      throw new InvalidParameterError('out: missing. Name the PDF file: --out report.pdf.');
    await printPdf(await renderHtml(found), out);
  } else {
    const text = await textOf(found, format);
    if (out === undefined) {
      process.stdout.write(text);
      return;
    }
    await writeAtomic(out, [text]);
  }
  output.line(`${out}: written`);
  output.event({ event: 'done', format, out });
}

async function textOf(found: Report, format: Exclude<Format, 'pdf'>): Promise<string> {
  if (format === 'html') return renderHtml(found);
  if (format === 'md') return renderCard(found);
  if (format === 'json') return `${JSON.stringify(found, null, 2)}\n`;
  const entry = renderOpenDp(found);
  if (entry !== undefined) return entry;
  throw new InvalidParameterError(
    'format=opendp: the registry is for private releases, and this run is NOT PRIVATE.',
  );
}
