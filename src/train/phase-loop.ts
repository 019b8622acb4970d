import { performance } from 'node:perf_hooks';
import type { Config } from '../config/index.ts';
import { throwIfStopping, type Observer, type Reporter } from './observer.ts';
import type { PhaseRun } from './phase.ts';
import type { Best, RunState } from './run-state.ts';
import type { StepDiagnostics } from './step-diagnostics.ts';

/** Share of the time that checkpoints may take where the job leaves their number open. */
const checkpointShare = 0.02;

export interface LoopOptions {
  readonly config: Config;
  readonly observer: Observer;
  /** How to go on after an interruption, for the message. */
  readonly remedy: string;
  /** Steps that earlier phases took. */
  readonly before: number;
  readonly report: Reporter;
  /** Shows what happened in a step, which is private; absent unless the user asked for it. */
  readonly show: ((happened: StepDiagnostics) => void) | undefined;
  readonly save: (state: RunState) => Promise<void>;
  /**
   * Score of the present model on public validation data, larger is better; absent where there is none.
   * Early stopping, plateau schedules and the choice of the best checkpoint see nothing else (G28).
   */
  readonly score: ((run: PhaseRun) => Promise<number>) | undefined;
}

/**
 * Takes the phase's remaining steps, with checkpoints on the way.
 * @returns what public validation data says is best, where it was asked
 * @throws InterruptedError after saving, when the user asked to stop
 */
export async function takeSteps(
  run: PhaseRun,
  state: RunState,
  options: LoopOptions,
): Promise<Best | undefined> {
  const { config, observer, before, report, show, save, score, remedy } = options;
  const { steps, name } = run.phase;
  const due = checkpointClock(config);
  const { everySteps } = config.evaluate;
  const evaluateEvery = everySteps === 'auto' ? Math.max(1, Math.ceil(steps / 20)) : everySteps;
  const patience = config.train.earlyStopping?.patience ?? Infinity;
  let best = state.best;
  const checkpoint = () => due.timed(() => save({ ...state, inPhase: run.snapshot(), best }));
  report(name, before + run.taken);

  while (run.taken < steps && (best?.since ?? 0) < patience) {
    const happened = await run.step();
    show?.(happened);
    report(name, before + run.taken);
    if (score && (run.taken % evaluateEvery === 0 || run.taken === steps)) {
      const value = await score(run);
      run.observe(value);
      best =
        best && value <= best.score
          ? { ...best, since: best.since + 1 }
          : { score: value, since: 0, values: config.train.keepBest ? copied(run.released()) : {} };
    }
    const stopping = observer.stopping();
    if (stopping || due.now(run.taken)) await checkpoint();
    if (stopping) throwIfStopping(observer, remedy);
  }
  // What follows a phase can be interrupted, too.
  await checkpoint();
  return best;
}

/** When the next checkpoint is due: by the job's settings, and else whenever it costs little. */
function checkpointClock({ checkpoint: { everySteps, everyMinutes } }: Config) {
  let last = performance.now();
  let cost = 0;
  return {
    now: (step: number): boolean => {
      const elapsed = performance.now() - last;
      if (elapsed > everyMinutes * 60_000) return true;
      return everySteps === 'auto' ? elapsed * checkpointShare >= cost : step % everySteps === 0;
    },
    async timed(save: () => Promise<void>): Promise<void> {
      const start = performance.now();
      await save();
      last = performance.now();
      cost = last - start;
    },
  };
}

function copied(values: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data.slice()]));
}
