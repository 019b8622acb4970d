import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { logitOfLoss, offlineLira, onlineLira, rmia, rocOf, truePositiveRate } from '../../audits/index.ts';
import { InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { TokenStore } from '../data/index.ts';
import {
  attackPool,
  openJob,
  openJobModel,
  openRunConfig,
  readJson,
  runDirectory,
  shadowUnits,
  writeJson,
  type JobPlan,
  type Observer,
} from '../train/index.ts';
import { asReleased, recordLosses } from './scoring.ts';
import { trainShadows } from './shadow-models.ts';

export interface AttackOptions {
  /** Models to compare with; 0 leaves the loss attack alone. */
  readonly shadows: number;
  readonly workers: number;
  readonly observer: Pick<Observer, 'stage' | 'stopping'>;
}

/** How well an attack tells records that trained from test records. Of private records: not for release. */
export interface AttackFigures {
  readonly attack: string;
  /** All records, or those of one group. */
  readonly group: string;
  readonly members: number;
  readonly others: number;
  readonly auc: number;
  readonly tprAt001: number;
  readonly tprAt01: number;
}

/** Fewer on one side, and a group has no figures. */
const leastInGroup = 10;
/** How far models trained on a record are taken to differ from others in RMIA; the value that its paper uses for small models. */
const rmiaSettings = { offline: 0.3, margin: 1 };

/**
 * Membership attacks (A0: queries of the final model) on natural records: by their loss, and with shadow models by LiRA and RMIA.
 * Members are the training records, the others the test records; where these are of another kind, an attack that finds
 * the difference finds no membership. Written to `private/audit/attacks.json`, and nowhere else.
 * @param path - the run directory; the job's data and model must lie where they did
 * @throws InvalidParameterError for a job without test data
 */
export async function attackRun(path: string, options: AttackOptions): Promise<readonly AttackFigures[]> {
  const directory = runDirectory(path);
  const config = await openRunConfig(path);
  const { plan, stores, model } = await openJob(config);
  await model.directory.close();
  if (!stores.test) {
    throw new InvalidParameterError(
      'test: the job has no test data to compare with. Give data.test or data.split.test.',
    );
  }
  const pool = attackPool(stores);
  const members = Array.from({ length: pool.records }, (_, record) => record < stores.train.records);
  const target = await lossesUnder(config, plan, join(directory.release, 'model'), pool);
  const scores: Record<string, ArrayLike<number>> = { loss: target.map((loss) => -loss) };
  if (options.shadows > 0) {
    const inside = join(directory.private, 'audit', 'attacks');
    mkdirSync(inside, { recursive: true, mode: 0o700 });
    const { nonPrivate } = (await readJson(directory.start)) as { nonPrivate: boolean };
    const { shadows: count, workers, observer } = options;
    const models = await trainShadows(config, {
      directory: inside,
      count,
      nonPrivate,
      workers,
      observer,
    });
    const losses: Float32Array[] = [];
    for (const shadow of models) losses.push(await lossesUnder(config, plan, shadow, pool));
    Object.assign(scores, shadowScores(target, losses, pool, members));
  }
  const groups = groupsOf(pool);
  const figures = Object.entries(scores).flatMap(([attack, values]) =>
    groups.flatMap(({ name, records }) => figuresOf(attack, name, records, values, members)),
  );
  mkdirSync(join(directory.private, 'audit'), { recursive: true, mode: 0o700 });
  await writeJson(join(directory.private, 'audit', 'attacks.json'), figures);
  return figures;
}

async function lossesUnder(
  config: Config,
  plan: JobPlan,
  path: string,
  pool: TokenStore,
): Promise<Float32Array> {
  const model = await openJobModel({ ...config, model: path });
  try {
    return await recordLosses(config, asReleased(plan), model, pool);
  } finally {
    await model.directory.close();
  }
}

function shadowScores(
  target: Float32Array,
  losses: readonly Float32Array[],
  pool: TokenStore,
  members: readonly boolean[],
): Record<string, ArrayLike<number>> {
  const trained = losses.map((_, shadow) => {
    const units = new Set(shadowUnits(shadow, pool.units));
    return Array.from({ length: pool.units }, (__, unit) =>
      Array.from({ length: pool.unitOffsets[unit + 1]! - pool.unitOffsets[unit]! }, () => units.has(unit)),
    ).flat();
  });
  // A record that all shadows saw, or none, cannot be attacked with them.
  const usable = members.map((_, record) => {
    const seen = trained.filter((of) => of[record]).length;
    return seen >= 1 && seen < losses.length;
  });
  const places = [...usable.keys()].filter((record) => usable[record]);
  const pick = <T>(values: ArrayLike<T>): T[] => places.map((place) => values[place]!);
  const logits = losses.map((of) => pick(of).map(logitOfLoss));
  const masks = trained.map((of) => pick(of));
  const own = pick(target);
  const outside = places.map((record) => {
    const others = losses.filter((_, shadow) => !trained[shadow]![record]);
    return others.reduce((sum, of) => sum + Math.exp(-of[record]!), 0) / others.length;
  });
  const records = { target: own.map((loss) => Math.exp(-loss)), outside };
  const fresh = [...places.keys()].filter((k) => !members[places[k]!]);
  const population = {
    target: fresh.map((k) => records.target[k]!),
    outside: fresh.map((k) => records.outside[k]!),
  };
  const spread = (values: ArrayLike<number>): Float64Array => {
    const all = new Float64Array(members.length).fill(Number.NaN);
    places.forEach((place, k) => (all[place] = values[k]!));
    return all;
  };
  const ownLogits = own.map(logitOfLoss);
  return {
    'LiRA online': spread(onlineLira(ownLogits, logits, masks, 'shared')),
    'LiRA offline': spread(offlineLira(ownLogits, logits, masks, 'shared')),
    RMIA: spread(rmia(records, population, rmiaSettings)),
  };
}

interface Group {
  readonly name: string;
  readonly records: readonly number[];
}

/** All records, those of each label, and those of each value of a slice. */
function groupsOf({ records, labels, slices }: TokenStore): readonly Group[] {
  const all = Array.from({ length: records }, (_, record) => record);
  const byCode = (what: string, names: readonly string[], codes: ArrayLike<number>): Group[] =>
    names.map((name, code) => ({
      name: `${what} ${name}`,
      records: all.filter((record) => codes[record] === code),
    }));
  return [
    { name: 'all', records: all },
    ...(labels.task === 'single-label' ? byCode('label', labels.names.names, labels.codes) : []),
    ...slices.flatMap(({ column, names, codes }) => byCode(column, names, codes)),
  ];
}

function figuresOf(
  attack: string,
  group: string,
  records: readonly number[],
  scores: ArrayLike<number>,
  members: readonly boolean[],
): readonly AttackFigures[] {
  const scored = records.filter((record) => !Number.isNaN(scores[record]!));
  const own = scored.map((record) => members[record]!);
  const inside = own.filter(Boolean).length;
  if (Math.min(inside, own.length - inside) < leastInGroup) return [];
  const roc = rocOf({ scores: scored.map((record) => scores[record]!), members: own });
  return [
    {
      attack,
      group,
      members: inside,
      others: own.length - inside,
      auc: roc.auc,
      tprAt001: truePositiveRate(roc, 0.001),
      tprAt01: truePositiveRate(roc, 0.01),
    },
  ];
}
