import type { Config } from '../config/index.ts';
import type { TokenStore } from '../data/index.ts';

export function measure(store: TokenStore, logits: Float32Array, _config: Config): Record<string, number> {
  const { labels } = store;
  if (labels.task !== 'single-label') return {};
  const k = labels.names.names.length;
  let right = 0;
  for (let r = 0; r < store.records; r++) {
    let best = 0;
    for (let c = 1; c < k; c++) if (logits[r * k + c]! > logits[r * k + best]!) best = c;
    if (best === labels.codes[r]) right++;
  }
  return { accuracy: right / store.records };
}
export function scoreOf(store: TokenStore, logits: Float32Array, config: Config): number {
  return measure(store, logits, config)['accuracy'] ?? 0;
}
