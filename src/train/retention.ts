import { reproducibleRng } from '../../privacy/index.ts';
import { buildNetwork, feedsOf } from '../models/index.ts';
import type { TrainedRun } from './job.ts';
import { nextTokenBatch } from './language.ts';
import { hasLanguageHead } from './language-head.ts';
import { maskedBatch } from './masking.ts';
import { readPublicText } from './preflight.ts';

/** The language model's loss on public text (masked tokens of encoders, all of decoders), nats a predicted token, before and after fine-tuning. */
export interface Retention {
  readonly before: number | null;
  readonly after: number | null;
  /** Why there are no figures, where there are none. */
  readonly reason: string | null;
}

const batchSize = 16;

/**
 * How much of what the base model knew is left (catastrophic forgetting shows as a rise). The same tokens are masked
 * before and after. Only the public text is read.
 * @param path - one document a line
 */
export async function retentionOf(run: TrainedRun, path: string): Promise<Retention> {
  const { model, session, plan, lora } = run;
  const { architecture, tokenizer } = model;
  if (!hasLanguageHead(model)) {
    return { before: null, after: null, reason: 'the checkpoint has no masked-language-model head' };
  }
  const isDecoder = architecture.family === 'decoder';
  const network = buildNetwork({
    architecture,
    task: isDecoder ? 'causal-lm' : 'masked-lm',
    maxTokens: plan.maxLength,
    ...(lora && { lora }),
    int8: session.int8,
  });
  await session.prepare(network, 'checkpoint');
  const program = await session.engine.load(network.graph);
  const texts = readPublicText(path).map(
    (line) => tokenizer.encode(line, undefined, { maxLength: plan.maxLength }).ids,
  );

  const meanLoss = async (): Promise<number> => {
    let sum = 0;
    for (let start = 0; start < texts.length; start += batchSize) {
      const some = texts.slice(start, start + batchSize);
      const batch = isDecoder
        ? nextTokenBatch(some, model.padId)
        : maskedBatch(some, tokenizer, reproducibleRng('retention').fork(start));
      const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
      for (const loss of data) sum += loss;
    }
    return sum / texts.length;
  };
  const [before, after] = [await session.asBase(network, meanLoss), await meanLoss()];
  await program.dispose();
  return { before, after, reason: null };
}
