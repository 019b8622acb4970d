import { expect, test } from 'vitest';
import { privateRule } from '../../src/verify/files.ts';

/** What the rule says of a release whose metrics.json holds these figures. */
async function foundIn(figures: unknown): Promise<string> {
  const subject = {
    release: { files: new Map([['metrics.json', {}]]) },
    documents: new Map([['metrics.json', { private: figures }]]),
  };
  const { outcome, detail } = await privateRule.run(
    subject as unknown as Parameters<typeof privateRule.run>[0],
  );
  return `${outcome}: ${detail}`;
}

test.each([
  [{ bleu: 1.2, loss: 2.5, texts: 60 }, 'passed: 1 files'],
  [{ texts: 'A dog in the park.' }, 'failed: metrics.json: has private.texts'],
  [{ texts: ['A dog in the park.'] }, 'failed: metrics.json: has private.texts'],
  [{ norms: 3 }, 'failed: metrics.json: has private.norms'],
])('how many texts were written may be published, the texts may not: %j', async (figures, expected) => {
  expect(await foundIn(figures)).toContain(expected);
});
