import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DriftError } from '../../privacy/index.ts';
import { joinStores } from '../data/index.ts';
import { commitmentOf, makeCanaries, type Coins } from './canaries.ts';
import type { BaseModel } from './base-model.ts';
import type { Stores } from './materials.ts';
import { readJson, type JobPlan } from './plan-file.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';
import type { Start } from './start.ts';

/** audit.json in a release: before the canaries were scored the commitment alone, afterwards results. */
export const auditFormat = 'dptune-audit/1';

function coinsFile({ private: inside }: RunDirectory): string {
  return join(inside, 'audit', 'coins.json');
}

/** Puts the coins into `private/` and their commitment into the release, before anything trains. */
export async function writeCoins(directory: RunDirectory, plan: JobPlan, coins: Coins): Promise<void> {
  mkdirSync(join(directory.private, 'audit'), { recursive: true, mode: 0o700 });
  await writeJson(coinsFile(directory), coins);
  await writeJson(join(directory.release, 'audit.json'), {
    format: auditFormat,
    preregisteredHash: plan.audit!.hash,
    commitment: coins.commitment,
    results: [],
  });
}

/** The coins of a run; nothing where it has no canaries. */
export async function coinsOf(directory: RunDirectory): Promise<Coins | undefined> {
  const file = coinsFile(directory);
  return existsSync(file) ? ((await readJson(file)) as Coins) : undefined;
}

/**
 * The stores of a run with the canaries that its coins chose at the end of the training data.
 * @throws DriftError unless the coins are those that were committed to
 */
export async function withCanaries(
  { config, plan, audit }: Start,
  directory: RunDirectory,
  model: BaseModel,
  stores: Stores,
): Promise<Stores> {
  if (!plan.audit) return stores;
  const coins = await coinsOf(directory);
  if (!coins || audit?.commitment !== commitmentOf(plan.audit.hash, coins)) {
    throw new DriftError(
      'private/audit/coins.json: is not what was committed to when the run began. Restore it from a copy, or start a new run.',
    );
  }
  const canaries = await makeCanaries(config, plan.audit, model, stores.train.labels);
  const places = Array.from(coins.coins).flatMap((coin, place) => (coin === '1' ? [place] : []));
  return { ...stores, train: joinStores(stores.train, canaries, places) };
}
