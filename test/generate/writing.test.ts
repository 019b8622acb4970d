import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { createOnnxEngine, createTfjsEngine } from '../../src/engines/index.ts';
import { openModel } from '../../src/formats/index.ts';
import { chooseToken, draw, largest, samplingDistribution } from '../../src/generate/choice.ts';
import { startDecoding, type DecoderProgram } from '../../src/generate/decoding.ts';
import { createTextStream } from '../../src/generate/index.ts';
import { greedy as likeliest, writeTokens, type WritingSettings } from '../../src/generate/writing.ts';
import {
  architectureOf,
  buildDecoder,
  buildNetwork,
  feedsOf,
  loadParameters,
  tensorsOf,
} from '../../src/models/index.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = JSON.parse(readFileSync(here('../golden/generate/generate.json'), 'utf8')) as {
  prompts: number[][];
  maxNewTokens: number;
  end: number;
  models: Record<string, Record<'greedy' | 'penalised' | 'beams', number[][]>>;
  logits: number[];
  warped: { temperature: number; topK: number; topP: number; probabilities: number[] }[];
};
const { prompts, maxNewTokens, end } = golden;
const engine = await createOnnxEngine({ threads: 1 });
afterAll(() => engine.dispose());

async function open(name: string): Promise<DecoderProgram> {
  const model = await openModel(here(`../golden/models/${name}`));
  const architecture = architectureOf(model.config);
  const decoder = buildDecoder(architecture, architecture.maxTokens);
  const rng = reproducibleRng(0);
  const params = { architecture, params: decoder.params, rng, head: 'checkpoint' } as const;
  const { values } = await loadParameters(model.weights, params);
  await model.close();
  await engine.write(tensorsOf(decoder.params, values));
  return { decoder, program: await engine.load(decoder.graph) };
}

const greedy: WritingSettings = { ...likeliest, maxNewTokens, endIds: [end], seed: 1 };

describe('what is written equals what transformers writes', () => {
  test.each(Object.entries(golden.models))('%s', async (name, expected) => {
    const program = await open(name);
    // All prompts at once, though their lengths differ and they end at different times.
    expect(await writeTokens(program, prompts, greedy)).toEqual(expected.greedy);
    expect(await writeTokens(program, prompts, { ...greedy, repetitionPenalty: 1.7 })).toEqual(
      expected.penalised,
    );
    expect(await writeTokens(program, prompts, { ...greedy, beams: 3 })).toEqual(expected.beams);
  });
});

test('both engines write the same', async () => {
  const model = await openModel(here('../golden/models/gemma3_text'));
  const architecture = architectureOf(model.config);
  const decoder = buildDecoder(architecture, architecture.maxTokens);
  const { params } = decoder;
  const load = { architecture, params, rng: reproducibleRng(0), head: 'checkpoint' } as const;
  const { values } = await loadParameters(model.weights, load);
  await model.close();
  const other = await createTfjsEngine({ device: 'cpu' });
  await other.write(tensorsOf(params, values));
  const program = { decoder, program: await other.load(decoder.graph) };
  expect(await writeTokens(program, prompts, greedy)).toEqual(golden.models['gemma3_text']!.greedy);
  await other.dispose();
});

test('with the cache logits are those of the whole text at once, also after rows were dropped and repeated', async () => {
  const name = 'mistral';
  const program = await open(name);
  const decoding = await startDecoding(program, prompts);
  await decoding.advance([2, 0, 0], [11, 12, 13]);
  await decoding.advance([1, 0], [21, 22]);
  const texts = [
    [...prompts[0]!, 12, 21],
    [...prompts[2]!, 11, 22],
  ];
  expect(decoding.lengths).toEqual(texts.map(({ length }) => length));

  const model = await openModel(here(`../golden/models/${name}`));
  await model.close();
  const network = buildNetwork({
    architecture: architectureOf(model.config),
    task: 'causal-lm',
    to: 'logits',
  });
  const whole = await engine.load(network.graph);
  for (const [row, text] of texts.entries()) {
    const batch = {
      records: 1,
      tokens: text.length,
      ids: Int32Array.from(text),
      mask: new Float32Array(text.length).fill(1),
    };
    const { data } = (await whole.run(feedsOf(network, batch)))['logits']!;
    const expected = data.subarray(-48);
    const found = decoding.logits.subarray(row * 48, (row + 1) * 48);
    expect(Math.max(...found.map((value, at) => Math.abs(value - expected[at]!)))).toBeLessThan(1e-5);
  }
});

test('a text ends where the model has no room left', async () => {
  const program = await open('llama');
  const long = Array.from({ length: 17 }, (_, at) => 4 + at);
  const [tokens] = await writeTokens(program, [long], { ...greedy, endIds: [], maxNewTokens: 100 });
  expect(tokens).toHaveLength(program.decoder.maxTokens - long.length);
});

test('sampling: a text depends on seed and place, not on what is written beside it', async () => {
  const program = await open('llama');
  const sample = { ...greedy, sample: true, endIds: [] };
  const both = await writeTokens(program, [prompts[0]!, prompts[1]!], sample);
  const second = await writeTokens(program, [prompts[1]!], { ...sample, first: 1 });
  expect(second[0]).toEqual(both[1]);
  const otherSeed = await writeTokens(program, [prompts[0]!], { ...sample, seed: 2 });
  expect(otherSeed[0]).not.toEqual(both[0]);
});

describe('sampling draws from the distribution of transformers', () => {
  const logits = Float32Array.from(golden.logits);
  test.each(golden.warped)('temperature $temperature, top-k $topK, top-p $topP', (settings) => {
    const found = samplingDistribution(logits, settings);
    const errors = settings.probabilities.map((expected, at) => Math.abs(found[at]! - expected));
    expect(Math.max(...errors)).toBeLessThan(1e-6);
    expect(found.filter((p) => p > 0)).toHaveLength(settings.probabilities.filter((p) => p > 0).length);
  });

  test('with its probabilities, and not with others', () => {
    const probabilities = Float64Array.of(0.5, 0, 0.3, 0.2);
    const rng = reproducibleRng('draw');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[draw(probabilities, rng)]! += 1;
    const distance = (expected: readonly number[]) =>
      counts.reduce((sum, count, at) => {
        const mean = 20_000 * expected[at]!;
        return mean === 0 ? sum : sum + (count - mean) ** 2 / mean;
      }, 0);
    expect(counts[1]).toBe(0);
    // Two degrees of freedom: 13.8 is exceeded once in 1,000.
    expect(distance([0.5, 0, 0.3, 0.2])).toBeLessThan(13.8);
    expect(distance([0.48, 0, 0.32, 0.2])).toBeGreaterThan(13.8);
  });

  test('a temperature near 0 is greedy', () => {
    const settings = { ...greedy, sample: true, temperature: 1e-3 };
    const token = chooseToken(Float32Array.of(1, 3, 2), [], settings, reproducibleRng(0));
    expect(token).toBe(1);
  });
});

test('the largest scores, the first of equal ones', () => {
  expect(largest(Float32Array.of(2, 5, 5, 1, 3), 3)).toEqual([1, 2, 4]);
  expect(largest(Float32Array.of(2, 5), 3)).toEqual([1, 0]);
});

test('a stream holds back characters that are not complete', () => {
  const stream = createTextStream((ids) => new TextDecoder().decode(Uint8Array.from(ids)));
  const shown = [...new TextEncoder().encode('aé€!')].map((byte) => stream.push(byte));
  expect(shown).toEqual(['a', '', 'é', '', '', '€', '!']);
});

test('an encoder is refused', async () => {
  const model = await openModel(here('../golden/models/bert'));
  await model.close();
  expect(() => buildDecoder(architectureOf(model.config), 20)).toThrow(
    /model_type=bert: reads but does not write/,
  );
});
