import { DriftError } from '../../privacy/index.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';

/** What stopped progress is judged by: the best score on public validation data, and evaluations since. */
export interface Best {
  readonly score: number;
  readonly since: number;
  readonly values: Readonly<Record<string, Float32Array>>;
}

/** A run between two steps. */
export interface RunState {
  /** Index of the phase that is under way, or the number of phases when all are done. */
  readonly phase: number;
  /** Snapshot of that phase, once it has taken a step. */
  readonly inPhase: Checkpoint | undefined;
  /** Parameters that finished phases changed. */
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly best: Best | undefined;
  /** Metrics of the model with a frozen encoder, where one was trained on the way. */
  readonly frozen: unknown;
}

const freshState: RunState = {
  phase: 0,
  inPhase: undefined,
  values: {},
  best: undefined,
  frozen: null,
};

/** @param start - digest of what the run was started with */
export async function writeRunState(path: string, start: string, state: RunState): Promise<void> {
  const { phase, inPhase, values, best, frozen } = state;
  await writeCheckpoint(path, {
    arrays: {
      ...under('value', values),
      ...under('phase', inPhase?.arrays ?? {}),
      ...under('best', best?.values ?? {}),
    },
    state: {
      start,
      phase,
      inPhase: inPhase?.state ?? null,
      best: best ? { score: best.score, since: best.since } : null,
      frozen: frozen ?? null,
    },
  });
}

/**
 * The state at `path`, or a fresh one where there is none.
 * @throws DriftError for the state of another run
 */
export async function readRunState(path: string, start: string): Promise<RunState> {
  const checkpoint = await readCheckpoint(path);
  if (!checkpoint) return freshState;
  const { arrays, state } = checkpoint;
  if (state['start'] !== start) {
    throw new DriftError(
      `checkpoint=${path}: belongs to another run. Restore the run directory from a copy.`,
    );
  }
  const inPhase = state['inPhase'] as Checkpoint['state'] | null;
  const best = state['best'] as { score: number | null; since: number } | null;
  return {
    phase: state['phase'] as number,
    inPhase: inPhase ? { arrays: below('phase', arrays), state: inPhase } : undefined,
    values: below('value', arrays),
    // JSON has no -Infinity, the score of a model that gave no figure.
    best: best ? { ...best, score: best.score ?? -Infinity, values: below('best', arrays) } : undefined,
    frozen: state['frozen'],
  };
}

type Arrays = Readonly<Record<string, Float32Array>>;

function under(prefix: string, arrays: Arrays): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(arrays).map(([name, data]) => [`${prefix}/${name}`, data]));
}

function below(prefix: string, arrays: Arrays): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(arrays)
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, data]) => [name.slice(prefix.length + 1), data]),
  );
}
