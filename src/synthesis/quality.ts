import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidParameterError, reproducibleRng } from '../../privacy/index.ts';
import { openRows, sha256File } from '../data/index.ts';
import {
  overlapFigures,
  syntheticFigures,
  type OverlapFigures,
  type SyntheticFigures,
} from '../evaluate/index.ts';
import { privateTexts, type Observer } from '../train/index.ts';
import { measureDownstream, type Downstream, type DownstreamJob } from './downstream.ts';
import { openTextEncoder } from './features.ts';
import { likenessOf, mostCompared, sampleTexts, type Likeness } from './likeness.ts';
import type { Source } from './source.ts';
import type { SyntheticRow } from './texts.ts';

/** What is measured of the texts, beside what can be read off them. */
export interface QualityRequest {
  /** So many will be written. */
  readonly texts: number;
  readonly seed: number | string;
  /** A classifier to train on them. */
  readonly downstream: DownstreamJob | undefined;
  /** Also trains it on its own, real data: a private figure. */
  readonly compareReal: boolean;
  /** Model by whose features texts are compared. */
  readonly encoder: string | undefined;
  /** Public file of texts to compare with; the training data if not given, which makes a private figure. */
  readonly reference: string | undefined;
}

/** What may be published: it is made of the texts, of the released model and of data outside of the guarantee. */
export interface PublicQuality {
  readonly figures: SyntheticFigures;
  readonly downstream?: Downstream;
  readonly likeness?: Likeness;
}

/** What answers questions about the private data, without noise. */
export interface PrivateQuality {
  readonly overlap: OverlapFigures;
  readonly likeness?: Likeness;
  /** The classifier trained on the real data, without privacy. */
  readonly real?: Downstream;
}

export interface Quality {
  readonly released: PublicQuality;
  /** Where the private half of the run is here. */
  readonly inside: PrivateQuality | undefined;
}

export interface QualityMeasure {
  /** @param file - data.jsonl with the rows */
  measure(rows: readonly SyntheticRow[], file: string, observer: Observer): Promise<Quality>;
  close(): Promise<void>;
}

/**
 * Makes sure, before any text is written, that everything that is asked for can be measured.
 * @throws InvalidParameterError for what needs the private half of the run where it is not here, and for public files that are
 *   the training file
 */
export async function prepareQuality(source: Source, request: QualityRequest): Promise<QualityMeasure> {
  const { inside, path } = source;
  const { downstream, compareReal, encoder: encoderPath, reference: publicFile, texts } = request;
  const needed = (option: string) =>
    new InvalidParameterError(
      `${option}: compares with private data, and run=${path} has no private half here. Leave it out.`,
    );
  if (compareReal && !inside) throw needed('compare-real');
  if (encoderPath !== undefined && publicFile === undefined && !inside) throw needed('mauve-encoder');
  if (downstream) await requireOtherFile('downstream: data.test', downstream.test, source);
  if (publicFile !== undefined) await requireOtherFile('mauve-reference', publicFile, source);
  const rng = reproducibleRng(request.seed).fork('mauve');
  const reference =
    encoderPath === undefined
      ? undefined
      : await sampleTexts(
          publicFile === undefined ? privateTexts(inside!.config) : textsIn(publicFile),
          Math.min(texts, mostCompared),
          rng.fork('reference'),
        );
  const encoder = encoderPath === undefined ? undefined : await openTextEncoder(encoderPath);
  return {
    async measure(rows, file, observer) {
      const written = rows.map(({ text }) => text);
      const trained = (data: string | undefined) =>
        downstream && inScratch(source, (scratch) => measureDownstream(downstream, data, scratch, observer));
      const onSynthetic = await trained(file);
      const onReal = compareReal ? await trained(undefined) : undefined;
      const likeness =
        encoder &&
        (await likenessOf(reference!, written, encoder, rng, (done, of) =>
          observer.stage('features', done, of),
        ));
      return {
        released: {
          figures: syntheticFigures(written),
          ...(onSynthetic && { downstream: onSynthetic }),
          ...(likeness && publicFile !== undefined && { likeness }),
        },
        inside: inside && {
          overlap: await overlapFigures(written, privateTexts(inside.config)),
          ...(likeness && publicFile === undefined && { likeness }),
          ...(onReal && { real: onReal }),
        },
      };
    },
    close: async () => encoder?.close(),
  };
}

async function requireOtherFile(option: string, file: string, { inside }: Source): Promise<void> {
  if (!inside || (await sha256File(file)) !== inside.trainDigest) return;
  throw new InvalidParameterError(
    `${option}=${file}: is the training file of the run, so a figure on it is private. Name another file.`,
  );
}

async function* textsIn(path: string): AsyncGenerator<string> {
  for await (const { text } of openRows(path, { columns: { text: 'text' } })) yield text;
}

/** A directory that is there for `work` alone, where nobody else looks. */
async function inScratch<T>({ inside }: Source, work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(inside?.path ?? tmpdir(), 'downstream-'));
  try {
    return await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
