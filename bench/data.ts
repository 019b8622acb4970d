/**
 * A million short rows: read, tokenised, kept; then cut into micro-batches. Prints rows a second and memory.
 *
 *     npx tsx bench/data.ts [model directory] [rows]
 *
 * Without a model directory the tokens are words, so that the readers and the store are measured alone.
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allUnits, microBatches, openRows, readStore, type Tokenizer } from '../src/data/index.ts';
import { loadTokenizer } from '../src/formats/index.ts';

const [model, rowsGiven = '1000000'] = process.argv.slice(2);
const rows = Number(rowsGiven);
const directory = mkdtempSync(join(tmpdir(), 'dptune-bench-'));
const MEBIBYTE = 2 ** 20;

try {
  const tokenizer = model === undefined ? wordTokenizer() : await modelTokenizer(model);
  for (const format of ['csv', 'jsonl'] as const) {
    const path = join(directory, `rows.${format}`);
    writeRows(path, format);
    await measure(path, tokenizer);
  }
} finally {
  rmSync(directory, { recursive: true });
}

async function measure(path: string, tokenizer: Tokenizer): Promise<void> {
  const baseline = process.memoryUsage().rss;
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50);
  const started = performance.now();
  const cpuBefore = process.cpuUsage().user;
  const store = await readStore(openRows(path, { columns: { text: 'text', label: 'label', unit: 'user' } }), {
    tokenizer,
    task: 'single-label',
    labels: ['0', '1'],
    unit: { kind: 'user', maxRecords: 8 },
    seed: 0,
  });
  const read = performance.now();
  const cpu = (process.cpuUsage().user - cpuBefore) / 1000;
  clearInterval(timer);
  let batches = 0;
  let positions = 0;
  for (const batch of microBatches(store, allUnits(store), { tokenBudget: 4096, padId: 0 })) {
    batches += 1;
    positions += batch.records * batch.tokens;
  }
  const cut = performance.now();
  const kept =
    store.ids.byteLength + store.offsets.byteLength + store.unitOffsets.byteLength + 4 * store.records;
  console.log(
    `${path.split('.').at(-1)}: ${store.counts.rows} rows (${mebibytes(statSync(path).size)}), ` +
      `${rate(store.counts.rows, read - started)} rows/s read and tokenised (${rate(store.counts.rows, cpu)} a CPU second); ` +
      `store ${mebibytes(kept)}, peak ${mebibytes(peak - baseline)} above the start; ` +
      `${batches} micro-batches at ${rate(store.records, cut - read)} records/s, ` +
      `${((100 * (positions - store.ids.length)) / positions).toFixed(1)} % padding`,
  );
}

function writeRows(path: string, format: 'csv' | 'jsonl'): void {
  const words = 'the a film story plot acting is was not very good bad long short and but with of'.split(' ');
  const file = openSync(path, 'w');
  let state = 1;
  const next = (bound: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
  if (format === 'csv') writeSync(file, 'text,label,user\n');
  for (let start = 0; start < rows; start += 10_000) {
    let block = '';
    for (let row = start; row < Math.min(rows, start + 10_000); row++) {
      const text = Array.from({ length: 5 + next(20) }, () => words[next(words.length)]).join(' ');
      const user = `user-${next(rows / 4)}`;
      block +=
        format === 'csv'
          ? `"${text}, number ${row}",${row % 2},${user}\n`
          : `${JSON.stringify({ text: `${text}, number ${row}`, label: row % 2, user })}\n`;
    }
    writeSync(file, block);
  }
  closeSync(file);
}

function wordTokenizer(): Tokenizer {
  const known = new Map<string, number>();
  return {
    encode(text) {
      const ids = Int32Array.from(text.split(' '), (word) => {
        const id = known.get(word) ?? known.size % 30_000;
        if (known.size < 30_000) known.set(word, id);
        return id;
      });
      return { ids, truncated: false, unknown: 0 };
    },
  };
}

async function modelTokenizer(path: string): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(path);
  return { encode: (text, pair) => tokenizer.encode(text, pair, { maxLength: 128 }) };
}

function rate(count: number, milliseconds: number): string {
  return Math.round((1000 * count) / milliseconds).toLocaleString('en');
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MiB`;
}
