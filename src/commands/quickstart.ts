import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandModule } from 'yargs';
import { InvalidParameterError, reproducibleRng } from '../../privacy/index.ts';
import { auditWhiteBox } from '../audit/index.ts';
import { loadJob } from '../config/index.ts';
import { writeReport } from '../report/index.ts';
import { samplePublicText, sampleReviews, type Review } from '../samples/index.ts';
import { finishRun, openJobModel, planJob, trainJob } from '../train/index.ts';
import { auditFinished, showFinishedAudit } from './audit.ts';
import { showAuditPower } from './audit-power.ts';
import { checkFirst } from './check.ts';
import { watch } from './observing.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import { showPlan } from './plan.ts';
import { show } from './train.ts';

interface Arguments extends CommonArguments {
  readonly out: string;
}

/** Public number of authors in the sample's training data. */
const authors = 1200;
const marker = '.dptune-quickstart';

/** Plans, trains and evaluates on made-up reviews with the built-in model, offline. */
export const quickstart: CommandModule<CommonArguments, Arguments> = {
  command: 'quickstart',
  describe: 'Plan, train and evaluate on built-in data and a built-in model',
  builder: (parser) =>
    parser
      .option('out', {
        type: 'string',
        default: 'dptune-quickstart',
        requiresArg: true,
        describe: 'Directory for the data, the job and the run',
      })
      .example('$0 quickstart', 'everything lies in dptune-quickstart/ afterwards'),
  handler: async (args) => {
    const output = outputFor(args);
    const started = performance.now();
    await prepareDirectory(args.out);
    const job = await writeSample(args.out);
    const { config } = await loadJob(job);
    output.line(`Made-up reviews by ${authors} authors, in English and Spanish, and a job: ${job}`);
    output.line();
    const model = await openJobModel(config);
    const made = await planJob(config, model, authors).finally(() => model.directory.close());
    showPlan(output, made);
    showAuditPower(output, made);
    const observer = watch(output);
    try {
      const run = await trainJob(config, {
        out: join(args.out, 'run'),
        observer,
        check: checkFirst(observer),
      });
      const finished = await finishRun(run, { observer });
      const audited = await auditFinished(run, observer.note);
      const replayed = await auditWhiteBox(finished.directory.root, { steps: 60, canaries: 16 }, observer);
      const { page } = await writeReport(finished.directory.root);
      observer.end();
      show(output, finished, page, (performance.now() - started) / 1000);
      if (audited) showFinishedAudit(output, audited);
      showFinishedAudit(output, replayed);
    } finally {
      observer.end();
    }
    showNext(output, args.out);
  },
};

function showNext(output: Output, out: string): void {
  const path = (...parts: string[]) => relative(process.cwd(), join(out, ...parts)) || '.';
  output.line();
  output.line('Next:');
  output.line(`  read   ${path('run', 'release', 'report.html')}`);
  output.line(`  check  npx dptune verify ${path('run')}`);
  output.line(`  ask    echo "the soup was not bad" | npx dptune predict ${path('run')}`);
  output.line(
    `  change ${path('job.yaml')}, then npx dptune train ${path('job.yaml')} --out ${path('run-2')}`,
  );
}

/** A directory of its own, replaced only where an earlier quickstart made it. */
async function prepareDirectory(out: string): Promise<void> {
  if (existsSync(out) && (await readdir(out)).length > 0) {
    if (!existsSync(join(out, marker))) {
      throw new InvalidParameterError(
        `out=${out}: is not empty, and no quickstart made it. Name another directory.`,
      );
    }
    await rm(out, { recursive: true });
  }
  await mkdir(out, { recursive: true });
  await writeFile(join(out, marker), 'Made by dptune quickstart, which may replace this directory.\n');
}

async function writeSample(out: string): Promise<string> {
  const rng = reproducibleRng('quickstart');
  await writeFile(join(out, 'train.csv'), csvOf(sampleReviews(authors, rng.fork('train'))));
  await writeFile(join(out, 'test.csv'), csvOf(sampleReviews(300, rng.fork('test'))));
  await writeFile(join(out, 'public.txt'), `${samplePublicText(400, rng.fork('public')).join('\n')}\n`);
  const job = join(out, 'job.yaml');
  await writeFile(job, jobText(builtInModel()));
  return job;
}

function csvOf(reviews: readonly Review[]): string {
  const rows = reviews.map(({ author, language, text, label }) => `${author},${language},"${text}",${label}`);
  return `author,language,text,label\n${rows.join('\n')}\n`;
}

/** The model that `scripts/quickstart-model.ts` made; the compiled file lies one folder deeper than its source. */
function builtInModel(): string {
  const up = import.meta.url.endsWith('.ts') ? '../..' : '../../..';
  return fileURLToPath(new URL(`${up}/examples/quickstart/small-bert`, import.meta.url));
}

function jobText(model: string): string {
  return `# Made-up reviews: is the writer content? Each author is protected with all of their reviews.
model: ${JSON.stringify(model)}
data:
  train: train.csv
  test: test.csv
  columns: { text: text, label: label, unit: author }
  labels: [negative, positive]
privacy:
  epsilon: 8
  unit: user
  maxRecordsPerUser: 4
  publicSize: ${authors}
evaluate:
  slices: [language]
  retention: public.txt
  baselines: [majority, non-private]
audit:
  canaries: 200
`;
}
