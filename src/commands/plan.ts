import type { CommandModule } from 'yargs';
import {
  calibrate,
  CalibrationError,
  epsilonCurve,
  InvalidParameterError,
  phaseEventOf,
  roundedUp,
} from '../../privacy/index.ts';
import { declaredLabels, loadJob, overrideOption, type Config } from '../config/index.ts';
import {
  countUnits,
  estimateCost,
  openJobModel,
  planJob,
  writeJson,
  type CostEstimate,
  type JobPlan,
} from '../train/index.ts';
import { showAuditPower } from './audit-power.ts';
import { duration } from './figures.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly job: string;
  readonly out: string | undefined;
  readonly cost: boolean;
  readonly 'what-if': boolean;
  readonly set: readonly string[];
}

/** Says what a job will do, before it does it. */
export const plan: CommandModule<CommonArguments, Arguments> = {
  command: 'plan <job>',
  describe: 'Show what a job will do and cost, before any training',
  builder: (parser) =>
    parser
      .positional('job', { type: 'string', demandOption: true, describe: 'Job file' })
      .option('out', { type: 'string', requiresArg: true, describe: 'Write the plan here, for train --plan' })
      .option('cost', { type: 'boolean', default: true, describe: 'Measure time and memory on made-up text' })
      .option('what-if', {
        type: 'boolean',
        default: true,
        describe: 'Show the noise that other settings need',
      })
      .option('set', overrideOption)
      .example(
        '$0 plan job.yaml --out plan.json',
        'fix a plan, then: dptune train job.yaml --plan plan.json',
      ),
  handler: async (args) => {
    const output = outputFor(args);
    const { config } = await loadJob(args.job, args.set);
    const stages = config.stages ?? [];
    if (stages.length > 0 && args.out !== undefined) {
      throw new InvalidParameterError(
        `out=${args.out}: a plan is bound to the model that it trains, and the stages of this job make that model first. Start it with dptune train, which writes the plan.`,
      );
    }
    const { made, cost } = await planned(config, args.cost);
    const curve = curveOf(made);
    showPlan(output, made);
    for (const { name, data } of stages) {
      output.line(`Before: stage ${name} on ${data.train}, declared public, without privacy`);
    }
    showAuditPower(output, made);
    if (cost) showCost(output, cost);
    if (args['what-if']) showWhatIf(output, made);
    if (args.out !== undefined) {
      await writeJson(args.out, made);
      output.line(`plan ${made.privacy.hash.slice(0, 16)} written to ${args.out}`);
    }
    output.event({ event: 'plan', plan: made, curve, cost: cost ?? null });
  },
};

async function planned(
  config: Config,
  withCost: boolean,
): Promise<{ readonly made: JobPlan; readonly cost: CostEstimate | undefined }> {
  const model = await openJobModel(config);
  try {
    const made = await planJob(config, model, await countUnits(config));
    const labels = declaredLabels(config)?.length ?? (config.task === 'regression' ? 1 : 2);
    return { made, cost: withCost ? await estimateCost(config, made, model, labels) : undefined };
  } finally {
    await model.directory.close();
  }
}

function curveOf({ privacy }: JobPlan): { step: number; epsilon: number }[] {
  const total = privacy.phases.reduce((sum, { steps }) => sum + steps, 0);
  const points = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * total));
  return epsilonCurve(privacy.event, [...new Set(points)], privacy).map(({ step, epsilon }) => ({
    step,
    epsilon: Math.min(epsilon.upper, privacy.epsilon),
  }));
}

/** Prints a plan for people. */
export function showPlan(output: Output, made: JobPlan): void {
  const { privacy } = made;
  const curve = curveOf(made);
  const who =
    privacy.unit.kind === 'record' ? 'a record' : `a user, at most ${privacy.unit.maxRecords} records each`;
  output.line(`Guarantee   epsilon ${roundedUp(privacy.epsilon, 4)} at delta ${privacy.delta}`);
  output.line(`Protected   ${who}; neighbouring data sets: ${privacy.relation}`);
  output.line(`Units       ${unitsIn(made)}`);
  const head = made.task === 'generation' ? '' : `, head ${made.head}`;
  output.line(`Model       ${made.model.reference}${head}, at most ${made.maxLength} tokens`);
  if (made.frozenWeights)
    output.line('Frozen      linear maps that never train, in 8 bits (train.frozenWeights)');
  if (made.verbalizer) {
    const { template, words } = made.verbalizer;
    const named = words.map(({ label, word }) => `${label} = ${word}`).join(', ');
    output.line(`Words       ${named}, in ${template}`);
  }
  output.line();
  output.table(
    privacy.phases.map((phase, index) => ({
      phase: phase.name,
      method: made.training[index]!.method,
      batch: phase.expectedBatch,
      'rate q': significant(phase.samplingRate),
      ...(privacy.phases.some(({ strategy }) => strategy) && { bands: phase.strategy?.length ?? 1 }),
      'steps T': phase.steps,
      'clip C': significant(phase.clipping.norm),
      sigma: significant(phase.noiseMultiplier),
      'learning rate': significant(made.training[index]!.learningRate),
    })),
  );
  output.line();
  for (const reason of made.reasons) output.line(`- ${reason}`);
  output.line();
  output.table(
    curve.map(({ step, epsilon }) => ({
      'after step': step,
      'epsilon spent': Number(roundedUp(epsilon, 4)),
    })),
  );
  output.line();
}

function unitsIn({ privacy: { publicSize, selection }, sizeSource }: JobPlan): string {
  if (selection) {
    return `${publicSize}, the first ${selection.perClass} of each of ${selection.classes} classes by a public order; a record of the file more or fewer replaces one of them, so the noise is that of replace-one`;
  }
  return `${publicSize}, ${sizeSource === 'declared' ? 'declared public' : 'counted in the data and treated as public'}`;
}

function showCost(output: Output, cost: CostEstimate): void {
  output.table(
    cost.phases.map(({ name, trainable, frozenSeconds, stepSeconds, seconds }) => ({
      phase: name,
      'trainable weights': trainable,
      'frozen part': duration(frozenSeconds),
      'a step': `${significant(stepSeconds)} s`,
      'in all': duration(seconds),
    })),
  );
  if (cost.noiseMemory > 0) {
    output.line(
      `Noise of earlier steps takes ${significant(cost.noiseMemory / 2 ** 20)} MiB of memory more; it is never written down.`,
    );
  }
  output.line(
    `About ${duration(cost.seconds)} and ${(cost.peakMemory / 2 ** 30).toFixed(1)} GiB here (${cost.engine}), measured on made-up texts of ${cost.assumedTokens} tokens.`,
  );
  output.line();
}

/** The noise multiplier that other budgets, batch sizes and lengths would need, for a job of one phase. */
function showWhatIf(output: Output, { privacy }: JobPlan): void {
  const [phase] = privacy.phases;
  if (privacy.phases.length !== 1 || !phase) return;
  const epochs = (phase.steps * phase.expectedBatch) / privacy.publicSize;
  const bands = phase.strategy?.length ?? 1;
  const rows = [0.5, 1, 2].flatMap((scale) => {
    const batch = Math.min(privacy.publicSize, Math.round(phase.expectedBatch * scale));
    return [0.5, 1, 2].map((more) => {
      const steps = Math.max(1, Math.floor((epochs * more * privacy.publicSize) / batch));
      const cells = [1, 3, 8].map((epsilon) => [
        `epsilon ${epsilon}`,
        sigmaFor(privacy, batch, steps, bands, epsilon),
      ]);
      return { batch, epochs: significant(epochs * more), steps, ...Object.fromEntries(cells) } as Record<
        string,
        number | string
      >;
    });
  });
  const same = bands > 1 ? `, with ${bands} bands` : '';
  output.line(`What if: the noise multiplier sigma that other settings would need${same}`);
  output.table(rows);
  output.line();
}

function sigmaFor(
  privacy: JobPlan['privacy'],
  batch: number,
  steps: number,
  bands: number,
  epsilon: number,
): number | string {
  const rate = (bands * batch) / privacy.publicSize;
  if (rate > 1) return 'too many bands';
  try {
    const { value } = calibrate(
      (noiseMultiplier) =>
        phaseEventOf({
          samplingRate: rate,
          noiseMultiplier,
          // A unit has one turn in as many steps as there are bands.
          steps: Math.ceil(steps / bands),
          ...(privacy.selection && { population: 'selection' }),
        }),
      { target: { epsilon, delta: privacy.delta }, relation: privacy.relation },
    );
    return significant(value);
  } catch (error) {
    if (error instanceof CalibrationError) return 'unreachable';
    throw error;
  }
}

function significant(value: number): number {
  return Number(value.toPrecision(3));
}
