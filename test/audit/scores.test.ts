import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { designHash, oneRunBound } from '../../audits/index.ts';
import { auditScores, readScores, scoresDesign, type ScoresDesign } from '../../src/audit/index.ts';

const usual: ScoresDesign = {
  origin: 'one-run',
  scores: ['score'],
  lower: false,
  guesses: [4],
  thresholds: [],
  heldOut: false,
  delta: 0,
  confidence: 0.9,
};

let root: string;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'dptune-scores-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(root, name);
  await writeFile(path, text);
  return path;
}

describe('a file of scores', () => {
  const expected = { scores: { score: Float64Array.of(1.5, -2, 0) }, members: [true, false, true] };

  test('as CSV and as JSON Lines', async () => {
    const csv = await file('a.csv', 'id,score,member\n7,1.5,1\n8,-2,0\n\n9,0,1\n');
    const lines = await file(
      'a.jsonl',
      '{"score": 1.5, "member": true}\n{"score": "-2", "member": 0}\n{"score": 0, "member": "1"}\n',
    );
    const columns = { scores: ['score'], member: 'member' };
    expect(await readScores(csv, columns)).toEqual(expected);
    expect(await readScores(lines, columns)).toEqual(expected);
  });

  test('with a split of its own', async () => {
    const path = await file('b.csv', 'score,member,part\n1,1,choose\n2,0,judge\n');
    const scored = await readScores(path, { scores: ['score'], member: 'member', split: 'part' });
    expect(scored.choosing).toEqual([true, false]);
  });

  test.each([
    ['c.csv', 'score,member\nx,1\n', /c.csv:2: score=x, must be a number/],
    ['d.csv', 'score,member\n1,2\n', /d.csv:2: member=2, must be one of/],
    ['e.csv', 'score,member\n1\n', /e.csv:2: has 1 fields/],
    ['f.csv', 'value,member\n1,1\n', /has no score; there are value, member/],
    ['g.jsonl', 'score\n', /g.jsonl:1: is not a JSON object/],
    ['h.csv', 'score,member\n', /has no rows/],
    ['i.csv', 'score,member\nNaN,1\n', /must be a number/],
  ])('%s is refused by its line', async (name, text, message) => {
    const path = await file(name, text);
    await expect(readScores(path, { scores: ['score'], member: 'member' })).rejects.toThrow(message);
  });
});

describe('an audit of scores', () => {
  const scored = {
    scores: { score: Float64Array.of(9, 8, 7, 6, 5, 4, 3, 2, 1, 0) },
    members: [true, true, true, false, true, false, true, false, false, false],
  };

  test('guesses the extremes, and counts what was right', () => {
    const found = auditScores(scored, usual, null);
    expect(found).toMatchObject({ origin: 'one-run', guesses: { m: 10, r: 4, v: 4 } });
    expect(found.bounds[0]!.epsilonLower).toBe(
      oneRunBound({ m: 10, r: 4, v: 4 }, { delta: 0, significance: 1 - 0.9 }),
    );
    expect(found.attack[0]!.auc).toBeCloseTo(0.88, 12);
  });

  test('turns the scores round where members score lower', () => {
    const turned = { ...scored, members: scored.members.map((member) => !member) };
    expect(auditScores(turned, { ...usual, lower: true }, null)).toMatchObject({
      guesses: { v: 4 },
      attack: [{ auc: expect.closeTo(0.88, 12) as number }],
    });
  });

  test('does not guess what ties would leave to the order of the rows', () => {
    const tied = { scores: { score: new Float64Array(10) }, members: scored.members };
    expect(auditScores(tied, usual, null)).toMatchObject({ guesses: { r: 4, v: 0 } });
    expect(auditScores(tied, { ...usual, guesses: [10] }, null)).toMatchObject({ guesses: { r: 10, v: 0 } });
  });

  test('pays for several rules, and says so', () => {
    const one = auditScores(scored, usual, null);
    const three = auditScores(scored, { ...usual, guesses: [1, 2, 4] }, null);
    expect(one.correction).toEqual({ kind: 'none', candidates: 1 });
    expect(three.correction).toEqual({ kind: 'bonferroni', candidates: 3 });
    expect(three.bounds[0]!.epsilonLower).toBeLessThanOrEqual(one.bounds[0]!.epsilonLower);
  });

  test('is by the design that was registered or not at all', () => {
    const hash = designHash(scoresDesign(usual));
    expect(auditScores(scored, usual, hash).designHash).toBe(hash);
    expect(() => auditScores(scored, { ...usual, guesses: [5] }, hash)).toThrow(/as it was registered/);
    expect(() => auditScores(scored, { ...usual, confidence: 0.95 }, hash)).toThrow(/as it was registered/);
  });

  test.each([
    [{ guesses: [] }, /--guesses R or --threshold T/],
    [{ origin: 'independent' as const }, /are for one run/],
    [{ guesses: [11] }, /more than the 10 canaries/],
    [{ confidence: 0.4 }, /confidence=0.4/],
    [{ delta: -1 }, /delta=-1/],
    [{ scores: ['other'] }, /score=other/],
    [{ heldOut: true }, /choosing=missing/],
  ])('%o is refused', (settings, message) => {
    const design = { ...usual, ...settings };
    expect(() => auditScores({ ...scored, scores: { score: scored.scores.score } }, design, null)).toThrow(
      message,
    );
  });

  test('of independent trials has its own bounds', () => {
    const found = auditScores(
      scored,
      { ...usual, origin: 'independent', guesses: [], thresholds: [5] },
      null,
    );
    expect(found).toMatchObject({
      origin: 'independent',
      errors: { negatives: 5, falsePositives: 1, positives: 5, falseNegatives: 1 },
    });
    expect(found.bounds.map(({ method }) => method)).toEqual(['clopper-pearson', 'gaussian', 'credible']);
  });
});
