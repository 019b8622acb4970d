import { ConfigError, type PrivacyUnit, type Selection } from '../../privacy/index.ts';
import { declaredLabels, type Config } from '../config/index.ts';

/** Most records of a user that the rule keeps. A judgement: the sum over them is clipped as one, and each takes time. */
const mostRecords = 16;
/** Where nothing public is known of how many records users have. */
const usualRecords = 8;

export function unitOf({ privacy }: Config): PrivacyUnit {
  return privacy.unit === 'user' ? { kind: 'user', maxRecords: recordsOf(privacy) } : { kind: 'record' };
}

/**
 * Records kept of each user: the median, which is the choice of Charles et al. (arXiv:2407.07737) for a bound on records, up to
 * a limit. From declared facts alone: the number of records of the users in the data is private.
 */
function recordsOf({ maxRecordsPerUser, typicalRecordsPerUser }: Config['privacy']): number {
  if (maxRecordsPerUser !== 'auto') return maxRecordsPerUser;
  return Math.min(mostRecords, typicalRecordsPerUser ?? usualRecords);
}

/** Why so many records of a user are kept, where the job leaves it to the rule. */
export function populationReasons({ privacy }: Config): readonly string[] {
  const { unit, maxRecordsPerUser, typicalRecordsPerUser: typical } = privacy;
  if (unit !== 'user' || maxRecordsPerUser !== 'auto') return [];
  const why =
    typical === undefined
      ? 'nothing public is known of how many a user has (privacy.typicalRecordsPerUser would say it)'
      : typical > mostRecords
        ? `a typical user is declared to have ${typical}; beyond ${mostRecords} they make a step slower and its sum no larger`
        : 'what a typical user is declared to have; the number in the private data is never looked at';
  return [`at most ${recordsOf(privacy)} records of a user: ${why}`];
}

/**
 * The few records of each class that a job trains on; undefined where it trains on all.
 * @throws ConfigError without declared classes: how many there are would be a look at the private data
 */
export function selectionOf(config: Config): Selection | undefined {
  const { fewShot, split } = config.data;
  const labels = declaredLabels(config);
  if (fewShot === undefined) return undefined;
  if (!labels) {
    throw new ConfigError(
      `data.fewShot=${fewShot}: needs data.labels. List the classes, or name them by label words in train.verbalizer.`,
    );
  }
  return { kind: 'first-of-each-class', perClass: fewShot, classes: labels.length, seed: split.seed };
}

/**
 * The number of units that is treated as public: that of a selection, the declared one, or the one found in the data.
 * @param count - counts them
 */
export async function publicUnits(config: Config, count: () => number | Promise<number>): Promise<number> {
  const selection = selectionOf(config);
  if (selection) return selection.perClass * selection.classes;
  const { publicSize } = config.privacy;
  return publicSize === 'auto' ? count() : publicSize;
}
