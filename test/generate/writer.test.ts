import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { openWriter, type Writer } from '../../src/generate/index.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const stories = here('../../../shared/data/models/stories260K');
const golden = JSON.parse(readFileSync(here('../golden/generate/generate.json'), 'utf8')) as {
  stories260K: { prompt: string; greedy: string; beams: string }[];
};
const settings = {
  maxNewTokens: 40,
  sample: false,
  temperature: 1,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  seed: 0,
};

describe.skipIf(!existsSync(stories))('stories260K (skipped: ../shared/data is absent)', () => {
  let writer: Writer;
  beforeAll(async () => {
    writer = await openWriter(stories, { threads: 1 });
  });
  afterAll(() => writer.close());

  test.each([1, 4])('writes what transformers writes, %i beams', async (beams) => {
    const prompts = golden.stories260K.map(({ prompt }) => writer.prompt(prompt));
    const texts = await writer.write(prompts, { ...settings, beams, endIds: writer.defaults.endIds });
    expect(texts.map((tokens) => writer.tokenizer.decode(tokens))).toEqual(
      golden.stories260K.map((story) => (beams === 1 ? story.greedy : story.beams)),
    );
  });

  test('the command prints one line of JSON with the new text', async () => {
    const { prompt, greedy } = golden.stories260K[0]!;
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      const options = ['--prompt', prompt, '--greedy', '--max-new-tokens', '40'];
      await runCommandLine(['generate', stories, ...options, '--json']);
      const line = JSON.parse(String(printed.mock.calls[0]![0])) as Record<string, unknown>;
      expect(line).toEqual({ prompt, text: greedy, tokens: 40, ended: false });
      printed.mockClear();
      await runCommandLine(['generate', stories, ...options]);
      expect(printed.mock.calls.map(([text]) => String(text)).join('')).toBe(`${greedy}\n`);
    } finally {
      printed.mockRestore();
    }
  });

  test.each([
    [['--greedy', '--top-k', '5'], /greedy: temperature, top-k and top-p are for sampling/],
    [['--beams', '2', '--temperature', '1'], /beams=2: is neither greedy nor sampled/],
    [['--temperature', '0'], /temperature=0: must be above 0; for 0, use --greedy/],
    [['--max-new-tokens', '0'], /max-new-tokens=0: must be a whole number/],
  ])('the command refuses %s', async (options, message) => {
    await expect(runCommandLine(['generate', stories, '--prompt', 'Once', ...options])).rejects.toThrow(
      message,
    );
  });

  test('a prompt longer than the model reads is refused', () => {
    expect(() => writer.prompt('a lot of words '.repeat(400))).toThrow(/prompt: has \d+ tokens, must have/);
  });
});
