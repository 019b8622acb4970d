/**
 * Memory and time of the private gradient of LoRA on a frozen base of float32 and of 8 bits: decoders with random weights, one
 * process each, alternating. Memory is the process's largest resident set over that before the weights were written.
 *
 *     npx tsx bench/frozen-weights.ts [--rounds 3] [--records 8] [--tokens 64] [--threads 2] [gpt2-small llama-300m ...]
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reproducibleRng } from '../privacy/index.ts';
import { createOnnxEngine } from '../src/engines/index.ts';
import { privateGradient } from '../src/graph/index.ts';
import {
  architectureOf,
  buildNetwork,
  feedsOf,
  initialValues,
  roundable,
  tensorsOf,
  trainableNames,
} from '../src/models/index.ts';

const llama = { model_type: 'llama', tie_word_embeddings: false, max_position_embeddings: 1024 };
/** Shapes as their config.json says them. */
const models: Readonly<Record<string, Parameters<typeof architectureOf>[0]>> = {
  'gpt2-small': { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12 },
  'llama-300m': {
    ...llama,
    vocab_size: 32000,
    hidden_size: 1024,
    intermediate_size: 2816,
    num_hidden_layers: 20,
    num_attention_heads: 16,
    num_key_value_heads: 4,
  },
  'tinyllama-1.1b': {
    ...llama,
    vocab_size: 32000,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 22,
    num_attention_heads: 32,
    num_key_value_heads: 4,
  },
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    weights: { type: 'string' },
  },
});

interface Found {
  readonly parameters: number;
  readonly before: number;
  /** MiB over `before`: once the weights are there, and at the most. */
  readonly held: number;
  readonly peak: number;
  readonly seconds: number;
}

const mebibytes = (bytes: number): number => bytes / 2 ** 20;

async function measure(name: string, weights: string): Promise<Found> {
  const architecture = architectureOf(models[name]!);
  const [records, tokens] = [Number(options.records), Number(options.tokens)];
  const lora = { rank: 8, alpha: 16, dropout: 0, targets: ['all-linear'] };
  const common = { architecture, task: 'causal-lm', lora, maxTokens: tokens } as const;
  const plain = buildNetwork(common);
  const trainable = trainableNames(plain.params, { method: 'lora' });
  const int8 = weights === 'int8' ? roundable(plain.params, new Set(trainable)) : undefined;
  const network = buildNetwork({ ...common, int8 });
  const engine = await createOnnxEngine({ threads: Number(options.threads) });
  const before = mebibytes(process.memoryUsage().rss);
  const rng = reproducibleRng(1);
  let parameters = 0;
  for (const spec of network.params) {
    const data = initialValues(spec, rng);
    parameters += data.length;
    await engine.write(tensorsOf([spec], new Map([[spec.name, data]])));
  }
  const held = mebibytes(process.memoryUsage().rss) - before;
  const clipping = { kind: 'flat', norm: 1 } as const;
  const program = await engine.loadGradient(
    privateGradient({ network: network.graph, loss: 'loss', trainable, clipping, sizes: { tokens } }),
  );
  const ids = Int32Array.from({ length: records * tokens }, () => rng.integer(architecture.vocabularySize));
  const mask = new Float32Array(records * tokens).fill(1);
  const inputs = feedsOf(network, { records, tokens, ids, mask, labels: ids });
  const seconds: number[] = [];
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    await program.add(inputs);
    await engine.take();
    if (run > 0) seconds.push((performance.now() - start) / 1000);
  }
  const peak = process.resourceUsage().maxRSS / 1024 - before;
  await engine.dispose();
  return { parameters, before, held, peak, seconds: seconds.sort((a, b) => a - b)[1]! };
}

function inProcess(name: string, weights: string): Found {
  const { records, tokens, threads } = options;
  const shape = ['--records', records, '--tokens', tokens, '--threads', threads];
  const own = [fileURLToPath(import.meta.url), name, '--weights', weights, ...shape];
  return JSON.parse(String(execFileSync(process.execPath, ['--import', 'tsx', ...own]))) as Found;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

if (options.weights !== undefined)
  console.log(JSON.stringify(await measure(positionals[0]!, options.weights)));
else {
  for (const name of positionals.length > 0 ? positionals : ['gpt2-small', 'llama-300m']) {
    const found: Record<string, Found[]> = { float32: [], int8: [] };
    for (let round = 0; round < Number(options.rounds); round++)
      for (const weights of Object.keys(found)) found[weights]!.push(inProcess(name, weights));
    const [float32, int8] = Object.values(found).map((runs) => ({
      held: median(runs.map(({ held }) => held)),
      peak: median(runs.map(({ peak }) => peak)),
      seconds: median(runs.map(({ seconds }) => seconds)),
    })) as [Found, Found];
    const millions = (found['int8']![0]!.parameters / 1e6).toFixed(0);
    console.log(`${name}, ${millions} M parameters, ${options.records} records of ${options.tokens} tokens`);
    for (const key of ['held', 'peak'] as const)
      console.log(
        `  ${key}: ${float32[key].toFixed(0)} MiB in float32, ${int8[key].toFixed(0)} in 8 bits (${(int8[key] / float32[key]).toFixed(2)})`,
      );
    console.log(
      `  a gradient: ${float32.seconds.toFixed(2)} s and ${int8.seconds.toFixed(2)} s (${(int8.seconds / float32.seconds).toFixed(2)} times as long)`,
    );
  }
}
