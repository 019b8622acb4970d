import { describe, expect, test } from 'vitest';
import { openJobModel, planJob } from '../../src/train/index.ts';
import { byWriter, tinyJob } from '../support/tiny-job.ts';
import { useWorkplace } from '../support/workplace.ts';

const place = useWorkplace();

describe('records kept of each user', () => {
  test.each([
    [{}, 8, 'nothing public is known'],
    [{ typicalRecordsPerUser: 3 }, 3, 'what a typical user is declared to have'],
    [{ typicalRecordsPerUser: 40 }, 16, 'beyond 16'],
  ])('follow from what is declared of them: %j', async (declared, expected, why) => {
    const config = await tinyJob(place, byWriter, {
      privacy: { maxRecordsPerUser: 'auto', ...declared },
    });
    const model = await openJobModel(config);
    const { privacy, reasons } = await planJob(config, model, 60);
    await model.directory.close();
    expect(privacy.unit).toEqual({ kind: 'user', maxRecords: expected });
    expect(reasons[0]).toContain(`at most ${expected} records of a user: `);
    expect(reasons[0]).toContain(why);
  });

  test.each([
    [byWriter, { typicalRecordsPerUser: 3 }, 'has no effect with privacy.maxRecordsPerUser=2'],
    [{}, { typicalRecordsPerUser: 3 }, 'has no effect with privacy.unit=record'],
    [{}, { maxRecordsPerUser: 3 }, 'has no effect with privacy.unit=record'],
  ])('what has no effect is refused (%#)', async (base, privacy, message) => {
    await expect(tinyJob(place, base, { privacy })).rejects.toThrow(message);
  });
});
