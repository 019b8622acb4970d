import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createReadRegistry, DptuneError } from '../../privacy/index.ts';
import type { Engine } from '../engines/index.ts';
import { startEngine, type ReadyJob } from '../train/index.ts';
import { checkGradients } from './gradient-checks.ts';
import { checkLoop } from './loop-checks.ts';
import { checkMechanism } from './mechanism-checks.ts';
import { checkPlan } from './plan-checks.ts';
import { probeStore } from './probe.ts';
import { checkSelf } from './self-test.ts';
import { createStage } from './stage.ts';
import { testLevel, type Check } from './verdict.ts';
import { openVerdicts } from './verdicts.ts';

/** How much is looked at. */
export interface Effort {
  /** Of the user's units. */
  readonly units: number;
  /** Steps of the loop at most, and seconds that they may take in all phases; at least four are taken in each. */
  readonly steps: number;
  readonly seconds: number;
  /** Seconds for comparing gradients in all phases, about. */
  readonly gradientSeconds: number;
  /** Numbers of noise drawn from the mechanism alone. */
  readonly draws: number;
  /** Trials of the sampler alone at most. */
  readonly trials: number;
  /** Steps in each of the two worlds. */
  readonly observations: number;
}

/** For `dptune check`, and for the start of every run. */
export const efforts: Readonly<Record<'full' | 'start', Effort>> = {
  full: {
    units: 16,
    steps: 200,
    seconds: 8,
    gradientSeconds: 30,
    draws: 1 << 20,
    trials: 1 << 28,
    observations: 20_000,
  },
  start: {
    units: 6,
    steps: 24,
    seconds: 0.5,
    gradientSeconds: 3,
    draws: 1 << 18,
    trials: 1 << 24,
    observations: 5000,
  },
};

/** conformance.json: what the job's own mechanism did when it was watched, before it trained. Public. */
export interface Conformance {
  readonly format: 'dptune-conformance/1';
  readonly checks: readonly Check[];
  readonly passed: boolean;
  /** How likely each statistical test is to reject what is right, at most. */
  readonly testLevel: number;
  /** Bound on the probability that a job without fault fails. */
  readonly falseAlarm: number;
  readonly seconds: number;
}

/**
 * Tier 0: watches the job's own sampler, gradients, clipping, noise, loop and accounting at work on a few of its own units,
 * before anything is spent. It charges nothing: nothing that it computes from the data leaves it but whether all is as planned.
 */
export async function checkConformance(job: ReadyJob, effort: Effort, engine?: Engine): Promise<Conformance> {
  const started = performance.now();
  const verdicts = openVerdicts();
  const { privacy } = job.plan;
  const { phases } = privacy;
  await checkPlan(privacy, verdicts);
  const directory = await mkdtemp(join(tmpdir(), 'dptune-check-'));
  // What the frozen layers make of the user's texts must not stay there, however the process ends.
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const running = engine ?? (await startEngine(job.config));
  try {
    createReadRegistry(privacy.reads).use('conformance');
    const probe = probeStore(job.stores.train, effort.units);
    for (const [index, phase] of phases.entries()) {
      const stage = await createStage({ job, index, engine: running, probe, asked: effort.units, directory });
      await checkLoop(
        stage,
        verdicts,
        effort.steps,
        performance.now() + (1000 * effort.seconds) / phases.length,
      );
      await checkMechanism(phase, privacy, verdicts, effort);
      await checkGradients(stage, verdicts, effort.gradientSeconds / phases.length);
      await checkSelf(stage, verdicts);
    }
  } finally {
    if (!engine) await running.dispose();
    process.off('exit', remove);
    remove();
  }
  const all = Object.values(verdicts);
  const checks = all.map((verdict) => verdict.close());
  return {
    format: 'dptune-conformance/1',
    checks,
    passed: checks.every(({ passed }) => passed),
    testLevel,
    falseAlarm: all.reduce((sum, { tests }) => sum + tests, 0) * testLevel,
    // Whole seconds: finer ones would tell of the lengths of texts.
    seconds: Math.ceil((performance.now() - started) / 1000),
  };
}

/**
 * What was found, if it is good.
 * @throws DptuneError `violation` unless every check passed
 */
export function requireConformance(conformance: Conformance): Conformance {
  const { checks } = conformance;
  const failed = checks.filter(({ passed }) => !passed);
  if (failed.length === 0) return conformance;
  const lines = failed.map(({ id, detail }) => `  ${id}: ${detail}`);
  throw new DptuneError(
    'violation',
    `conformance=failed: ${failed.length} of ${checks.length} checks found that the job would not do what its plan promises, so it was not started. Do not train with this installation; report this:\n${lines.join('\n')}`,
  );
}
