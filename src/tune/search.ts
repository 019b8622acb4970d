import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  drawRepetitions,
  InvalidParameterError,
  type PrivacyStream,
  type Signer,
} from '../../privacy/index.ts';
import { readJson, writeJson, type TrialOf } from '../train/index.ts';
import { chargeSearch } from './charge.ts';
import type { Candidate, SearchPlan } from './plan.ts';
import { figureOf, runTrial } from './trial.ts';

/** One trial that is over. */
export interface Trial {
  readonly candidate: Candidate;
  readonly figure: number;
}

export interface SearchOptions {
  /** Trials that run at the same time. */
  readonly parallel: number;
  /** Told of every trial where each is paid for; under private selection nobody may know how they went. */
  readonly finished: (trial: Trial, index: number, of: number) => void;
}

/** What a search leaves. */
export interface SearchResult {
  /** The best trial; absent where the secret number of trials was 0. */
  readonly best: Trial | undefined;
  /** Directory of the best trial's run; its release is that of any run, and claims the cost of the whole search. */
  readonly run: string;
}

/** What a search was started with; `private/search.json`. How many trials there are is secret under private selection. */
interface StoredSearch {
  readonly plan: SearchPlan;
  /** The candidate of each trial. */
  readonly draws: readonly number[];
}

function pathsOf(out: string) {
  const root = resolve(out);
  const inside = join(root, 'private');
  return {
    root,
    inside,
    stored: join(inside, 'search.json'),
    /** What each trial's plan says of the search. Public. */
    part: join(root, 'search.json'),
    run: join(root, 'run'),
    trial: (index: number) => join(inside, 'trials', String(index + 1).padStart(4, '0')),
  };
}

/**
 * Pays for the search, draws the trials and writes them down, so that an interrupted search goes on with the same.
 * @throws InvalidParameterError where a search lies there already
 * @throws DptuneError `budget` where its budget does not cover it
 */
export async function startSearch(
  plan: SearchPlan,
  out: string,
  stream: PrivacyStream,
  signer?: Signer,
): Promise<void> {
  const paths = pathsOf(out);
  if (existsSync(paths.stored) || existsSync(paths.run)) {
    throw new InvalidParameterError(
      `out=${out}: a search lies there already. Go on with it by --resume ${out}, or name another directory.`,
    );
  }
  mkdirSync(paths.inside, { recursive: true, mode: 0o700 });
  const ledger = await chargeSearch(plan, signer);
  if (plan.part) {
    const search: TrialOf = { search: plan.part, ...(ledger && { ledger }) };
    await writeJson(paths.part, search);
  }
  await writeJson(paths.stored, { plan, draws: drawsOf(plan, stream) } satisfies StoredSearch);
}

function drawsOf({ candidates, trials }: SearchPlan, stream: PrivacyStream): number[] {
  if (trials === 'each') return candidates.map((_, index) => index);
  const count = drawRepetitions(trials.mean, trials.shape, stream);
  return Array.from({ length: count }, () => Math.floor(stream.float64() * candidates.length));
}

/** Runs what is left of a search, and moves the best trial to `run/`. */
export async function runSearch(out: string, options: SearchOptions): Promise<SearchResult> {
  const paths = pathsOf(out);
  if (!existsSync(paths.stored)) {
    throw new InvalidParameterError(
      `search=${out}: none lies there. Start one: dptune tune SEARCH --out ${out}.`,
    );
  }
  const { plan, draws } = (await readJson(paths.stored)) as StoredSearch;
  const figures: number[] = [];
  const open = draws.map((candidate, index) => ({ candidate: plan.candidates[candidate]!, index }));
  const work = async (): Promise<void> => {
    for (let next = open.shift(); next; next = open.shift()) {
      const { candidate, index } = next;
      const moved = existsSync(paths.run) && !existsSync(paths.trial(index));
      const measured = await runTrial(moved ? paths.run : paths.trial(index), {
        job: plan.job,
        overrides: [...plan.shared, ...candidate.overrides],
        search: plan.part && paths.part,
      });
      figures[index] = figureOf(measured, plan.metric);
      if (plan.trials === 'each') {
        options.finished({ candidate, figure: figures[index] }, index, draws.length);
      }
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, work));
  if (draws.length === 0) return { best: undefined, run: paths.run };
  const winner = figures.indexOf(Math.max(...figures));
  if (!existsSync(paths.run)) renameSync(paths.trial(winner), paths.run);
  return { best: { candidate: plan.candidates[draws[winner]!]!, figure: figures[winner]! }, run: paths.run };
}
