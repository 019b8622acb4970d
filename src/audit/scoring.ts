import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { allUnits, type Labels, type TokenStore } from '../data/index.ts';
import { exportedHead, feedsOf } from '../models/index.ts';
import {
  makeCanaries,
  openJobModel,
  sessionOf,
  startEngine,
  type BaseModel,
  type JobPlan,
} from '../train/index.ts';

/** What anyone can compute who has the base model, the released model and the plan. */
export interface CanaryLosses {
  /** Loss of each canary under the model that training started from, and under the released one; [canaries]. */
  readonly initial: Float32Array;
  readonly released: Float32Array;
}

/**
 * Makes a run's canaries again and measures them, in the model before and after.
 * @param released - directory of the released model
 */
export async function canaryLosses(config: Config, plan: JobPlan, released: string): Promise<CanaryLosses> {
  const after = await openJobModel({ ...config, model: released });
  try {
    const before = await openJobModel(config);
    try {
      const canaries = await makeCanaries(config, plan.audit!, before, labelsOf(config, after));
      return {
        initial: await recordLosses(config, plan, before, canaries),
        released: await recordLosses(config, asReleased(plan), after, canaries),
      };
    } finally {
      await before.directory.close();
    }
  } finally {
    await after.directory.close();
  }
}

/** Labels of no record, with the names that the released model knows. */
function labelsOf({ task }: Config, released: BaseModel): Labels {
  const names = { names: exportedHead(released.directory.config)?.labelNames ?? [], discovered: false };
  switch (task) {
    case 'classification':
      return { task: 'single-label', names, codes: new Int32Array() };
    case 'multi-label':
      return { task, names, offsets: new Uint32Array(1), codes: new Int32Array() };
    case 'token-classification':
      return {
        task,
        names,
        offsets: new Uint32Array(1),
        codes: new Int32Array(),
        positions: new Int32Array(),
      };
    case 'regression':
      return { task, values: new Float64Array() };
    default:
      return { task, starts: new Uint32Array() };
  }
}

/** The plan under which a released model is opened: its head is its own, and what was rounded is so already. */
export function asReleased(plan: JobPlan): JobPlan {
  const { frozenWeights: _, ...rest } = plan;
  return { ...rest, head: 'checkpoint' };
}

/** The loss of every record under a model as it lies on disk, in the store's order. */
export async function recordLosses(
  config: Config,
  plan: JobPlan,
  model: BaseModel,
  store: TokenStore,
): Promise<Float32Array> {
  const engine = await startEngine(config);
  const unused = mkdtempSync(join(tmpdir(), 'dptune-audit-'));
  try {
    const stores = { train: store, test: undefined, validation: undefined, validationIsPublic: false };
    const session = sessionOf({ config, plan, model, stores }, engine, unused);
    const network = session.network({ to: 'loss' });
    await session.prepare(network);
    const source = await session.records(store, 'canaries', 'tokens', undefined, () => undefined);
    const program = await engine.load(network.graph);
    const losses = new Float32Array(store.records);
    for (const batch of source.batches(allUnits(store))) {
      const output = (await program.run(feedsOf(network, batch)))[network.output]!.data as Float32Array;
      for (const [row, record] of batch.recordIndices.entries()) losses[record] = output[row]!;
    }
    await program.dispose();
    source.close();
    return losses;
  } finally {
    rmSync(unused, { recursive: true, force: true });
    await engine.dispose();
  }
}
