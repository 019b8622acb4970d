import type { TokenStore } from '../data/index.ts';
import type { LoraSettings } from '../models/index.ts';
import { logitsOf } from './evaluation.ts';
import { throwIfStopping, type Observer } from './observer.ts';
import type { Cut, RecordSource, Session } from './session.ts';

/** Evaluates the session's present parameters. Keeps each store's frozen activations open between evaluations. */
export interface Evaluator {
  /** Makes a store ready, which may take long and may be interrupted; its logits cannot be interrupted any more. */
  open(store: TokenStore, storeKey: string, cut: Cut, lora: LoraSettings | undefined): Promise<void>;
  /** Outputs for a store, [records, labels]. */
  logits(
    store: TokenStore,
    storeKey: string,
    cut: Cut,
    lora: LoraSettings | undefined,
  ): Promise<Float32Array>;
  close(): void;
}

export function createEvaluator(session: Session, observer: Observer): Evaluator {
  const sources = new Map<string, RecordSource>();
  const sourceOf: (...given: Parameters<Evaluator['open']>) => Promise<RecordSource> = async (
    store,
    storeKey,
    cut,
    lora,
  ) => {
    const key = `${storeKey} ${JSON.stringify(cut)}`;
    const source =
      sources.get(key) ??
      (await session.records(store, storeKey, cut, lora, (records) => {
        throwIfStopping(observer, 'The run can be resumed.');
        observer.stage('evaluation data', records, store.records);
      }));
    sources.set(key, source);
    return source;
  };
  return {
    async open(...given) {
      await sourceOf(...given);
    },
    async logits(store, storeKey, cut, lora) {
      return logitsOf(session, store, await sourceOf(store, storeKey, cut, lora), lora);
    },
    close: () => {
      for (const source of sources.values()) source.close();
      sources.clear();
    },
  };
}
