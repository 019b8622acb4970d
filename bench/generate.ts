/**
 * Tokens a second: dptune with its cache, dptune reading the whole text again for every token, and transformers with its
 * cache; same model, same prompts, greedy, and the texts must be the same. Medians of alternating rounds.
 *
 *     npx tsx bench/generate.ts [MODEL_DIRECTORY] [--rounds 3] [--new 64] [--prompt 32] [--threads 2]
 *
 * Without a model: a GPT-2 small with random weights, made in a temporary directory. transformers is called by
 * DPTUNE_PYTHON, or else python3.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reproducibleRng } from '../privacy/index.ts';
import { createEngine } from '../src/engines/index.ts';
import { openModel } from '../src/formats/index.ts';
import { greedy, writeTokens, type WritingSettings } from '../src/generate/index.ts';
import {
  architectureOf,
  buildDecoder,
  buildNetwork,
  feedsOf,
  loadParameters,
  tensorsOf,
} from '../src/models/index.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    new: { type: 'string', default: '64' },
    prompt: { type: 'string', default: '32' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const [rounds, maxNewTokens, promptLength, threads] = [
  options.rounds,
  options.new,
  options.prompt,
  options.threads,
].map(Number) as [number, number, number, number];
const python = process.env['DPTUNE_PYTHON'] ?? 'python3';
const script = fileURLToPath(new URL('generate.py', import.meta.url));

const made = positionals[0] === undefined ? mkdtempSync(join(tmpdir(), 'dptune-bench-')) : undefined;
const directory = positionals[0] ?? made!;
if (made !== undefined) execFileSync(python, [script, 'make', made], { stdio: 'ignore' });
const model = await openModel(directory);
const architecture = architectureOf(model.config);
const maxTokens = Math.min(architecture.maxTokens, promptLength + maxNewTokens);
const decoder = buildDecoder(architecture, maxTokens);
const rng = reproducibleRng('prompts');
const load = { architecture, params: decoder.params, rng, head: 'checkpoint' } as const;
const { values } = await loadParameters(model.weights, load);
await model.close();
const engine = await createEngine({ threads });
await engine.write(tensorsOf(decoder.params, values));
const program = await engine.load(decoder.graph);
const whole = buildNetwork({ architecture, task: 'causal-lm', to: 'logits', maxTokens });
const again = await engine.load(whole.graph);

const settings: WritingSettings = {
  maxNewTokens,
  endIds: [],
  ...greedy,
};

interface Timed {
  readonly seconds: number;
  readonly tokens: readonly (readonly number[])[];
}

async function withCache(prompts: readonly number[][]): Promise<Timed> {
  const start = performance.now();
  const tokens = await writeTokens({ decoder, program }, prompts, settings);
  return { seconds: (performance.now() - start) / 1000, tokens };
}

async function withoutCache(prompts: readonly number[][]): Promise<Timed> {
  const texts = prompts.map((prompt) => [...prompt]);
  const start = performance.now();
  for (let step = 0; step < maxNewTokens; step++) {
    const tokens = texts[0]!.length;
    const batch = {
      records: texts.length,
      tokens,
      ids: Int32Array.from(texts.flat()),
      mask: new Float32Array(texts.length * tokens).fill(1),
    };
    const logits = (await again.run(feedsOf(whole, batch)))['logits']!.data as Float32Array;
    const width = architecture.vocabularySize;
    for (const [row, text] of texts.entries()) {
      const own = logits.subarray((row * tokens + tokens - 1) * width, (row + 1) * tokens * width);
      text.push(own.indexOf(own.reduce((a, b) => Math.max(a, b))));
    }
  }
  const tokens = texts.map((text) => text.slice(promptLength));
  return { seconds: (performance.now() - start) / 1000, tokens };
}

function withTransformers(prompts: readonly number[][]): Timed {
  const input = JSON.stringify({ prompts, maxNewTokens, threads });
  const answer = execFileSync(python, [script, 'write', directory], {
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return JSON.parse(String(answer)) as Timed;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

console.log(
  `${architecture.modelType}, ${architecture.layers} layers of ${architecture.hiddenSize}; ${promptLength} tokens of prompt, ${maxNewTokens} new; ${engine.device}`,
);
for (const batch of [1, 8]) {
  const prompts = Array.from({ length: batch }, () =>
    Array.from({ length: promptLength }, () => rng.integer(architecture.vocabularySize)),
  );
  await withCache(prompts);
  const seconds: Record<string, number[]> = { cache: [], none: [], transformers: [] };
  for (let round = 0; round < rounds; round++) {
    const found = {
      cache: await withCache(prompts),
      none: await withoutCache(prompts),
      transformers: withTransformers(prompts),
    };
    for (const [name, timed] of Object.entries(found)) {
      if (JSON.stringify(timed.tokens) !== JSON.stringify(found.cache.tokens))
        console.log(`  ${name}: other tokens than with the cache`);
      seconds[name]!.push(timed.seconds);
    }
  }
  const rates = Object.fromEntries(
    Object.entries(seconds).map(([name, all]) => [name, (batch * maxNewTokens) / median(all)]),
  );
  console.log(
    `batch ${batch}: ${rates['cache']!.toFixed(1)} tokens/s with the cache, ${rates['none']!.toFixed(1)} without (${(rates['cache']! / rates['none']!).toFixed(2)} times), transformers ${rates['transformers']!.toFixed(1)} (dptune ${(rates['cache']! / rates['transformers']!).toFixed(2)} times)`,
  );
}
await engine.dispose();
if (made !== undefined) rmSync(made, { recursive: true, force: true });
