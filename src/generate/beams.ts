import { largest, penaliseRepetition } from './choice.ts';
import { startDecoding, type DecoderProgram } from './decoding.ts';

export interface BeamSettings {
  readonly beams: number;
  readonly maxNewTokens: number;
  readonly endIds: readonly number[];
  readonly repetitionPenalty: number;
}

interface Candidate {
  /** Row that it continues. */
  readonly from: number;
  readonly tokens: readonly number[];
  /** Sum of log probabilities. */
  readonly score: number;
}

/**
 * Beam search: the text of the highest mean log probability a token that is found when so many are followed at once. Which
 * candidates are kept, when a text is done and when the search ends is as in transformers 5.23 (length penalty 1, no early
 * stopping).
 * @returns new tokens, the end token included where there is one
 */
export async function searchBeams(
  program: DecoderProgram,
  prompt: readonly number[],
  { beams, maxNewTokens, endIds, repetitionPenalty }: BeamSettings,
): Promise<readonly number[]> {
  const ends = new Set(endIds);
  const width = program.decoder.vocabularySize;
  // So many that enough remain to go on with, should all of the best be done.
  const kept = Math.max(2, 1 + ends.size) * beams;
  const decoding = await startDecoding(program, [prompt]);
  let running: Candidate[] = [{ from: 0, tokens: [], score: 0 }];
  let finished: { readonly tokens: readonly number[]; readonly mean: number }[] = [];
  let improvable = true;
  for (let length = 1; ; length++) {
    const candidates = running.flatMap(({ tokens, score }, row) => {
      const scores = logSoftmax(decoding.logits.subarray(row * width, (row + 1) * width));
      penaliseRepetition(scores, [...prompt, ...tokens], repetitionPenalty);
      return largest(scores, kept).map((token) => ({ row, tokens, token, score: score + scores[token]! }));
    });
    const best = candidates.sort((a, b) => b.score - a.score).slice(0, kept);
    const isDone = (token: number): boolean => length === maxNewTokens || ends.has(token);
    if (improvable) {
      const done = best.slice(0, beams).filter(({ token }) => isDone(token));
      finished = [
        ...finished,
        ...done.map((c) => ({ tokens: [...c.tokens, c.token], mean: c.score / length })),
      ]
        .sort((a, b) => b.mean - a.mean)
        .slice(0, beams);
    }
    running = best
      .filter(({ token }) => !isDone(token))
      .slice(0, beams)
      .map(({ row, tokens, token, score }) => ({ from: row, tokens: [...tokens, token], score }));
    // The mean of the best text under way, were its length the final one, against the worst that is done.
    improvable &&=
      running.length > 0 && (finished.length < beams || running[0]!.score / length > finished.at(-1)!.mean);
    if (!improvable || running.length === 0) return finished[0]!.tokens;
    await decoding.advance(
      running.map(({ from }) => from),
      running.map(({ tokens }) => tokens.at(-1)!),
    );
  }
}

function logSoftmax(logits: Float32Array): Float32Array {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  return logits.map((logit) => logit - top - Math.log(total));
}
