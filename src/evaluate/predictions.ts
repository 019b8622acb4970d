import { InvalidParameterError } from '../../privacy/index.ts';

/** The right answers to a set of records. */
export type Truth =
  | {
      readonly task: 'single-label';
      readonly labelNames: readonly string[];
      /** Index into the names, [records]. */
      readonly labels: Int32Array;
    }
  | {
      readonly task: 'multi-label';
      readonly labelNames: readonly string[];
      readonly labels: LabelLists;
    }
  | {
      readonly task: 'regression';
      /** Targets, [records]. */
      readonly labels: Float64Array;
    }
  | {
      readonly task: 'token-classification';
      readonly labelNames: readonly string[];
      readonly labels: WordLabels;
    }
  | {
      readonly task: 'generation';
      /** Number of tokens of each record that were to be predicted, [records]. */
      readonly labels: Uint32Array;
    };

/** Record r has the names codes[offsets[r]] .. codes[offsets[r + 1] - 1]; offsets is [records + 1]. */
export interface LabelLists {
  readonly offsets: Uint32Array;
  readonly codes: Int32Array;
}

/** Record r has the words offsets[r] .. offsets[r + 1] - 1, word w the name codes[w]. */
export interface WordLabels extends LabelLists {
  /** Where the model sees the word; negative where it does not, [words]. */
  readonly positions: Int32Array;
}

/** What a model answered, beside the right answers. */
export type Predictions = Truth & {
  /**
   * Logits (regression: values; generation: mean losses over the record's targets), [records, labels] or [records]; token
   * classification: [words, labels], of no matter what where the model does not see the word.
   */
  readonly outputs: Float32Array;
  /**
   * Group of each record, any numbers, [records]. Records of one group, such as those of one author, are not independent:
   * the bootstrap resamples whole groups. Each record is its own group unless given.
   */
  readonly groups?: Int32Array | Uint32Array;
};

/** The predictions of one task. */
export type PredictionsOf<Task extends Truth['task']> = Extract<Predictions, { task: Task }>;

export function recordsOf({ labels }: Truth): number {
  return 'offsets' in labels ? labels.offsets.length - 1 : labels.length;
}

/** Rows of outputs: one a record, or one a word. */
export function rowsOf(truth: Truth): number {
  return truth.task === 'token-classification' ? truth.labels.codes.length : recordsOf(truth);
}

/** Outputs in each row. */
function widthOf(truth: Truth): number {
  return 'labelNames' in truth ? truth.labelNames.length : 1;
}

/** @throws InvalidParameterError where lengths disagree or a code names no label */
export function checkPredictions(predictions: Predictions): void {
  const records = recordsOf(predictions);
  const width = widthOf(predictions);
  const rows = rowsOf(predictions);
  const { outputs, groups } = predictions;
  if (outputs.length !== rows * width) {
    const what = predictions.task === 'token-classification' ? 'words' : 'records';
    throw new InvalidParameterError(
      `outputs.length=${outputs.length}: must be ${what} * labels = ${rows} * ${width}. Give the outputs of these records.`,
    );
  }
  if (groups && groups.length !== records) {
    throw new InvalidParameterError(
      `groups.length=${groups.length}: must be the number of records, ${records}. Give each record its group.`,
    );
  }
  if (!('labelNames' in predictions)) return;
  const codes = predictions.task === 'single-label' ? predictions.labels : predictions.labels.codes;
  const wrong = codes.find((code) => code < 0 || code >= width);
  if (wrong !== undefined) {
    throw new InvalidParameterError(
      `label=${wrong}: must be from 0 to ${width - 1}, an index into the label names. Name every label.`,
    );
  }
}

/** The predictions for some of the records, in the order given. */
export function selectRecords(predictions: Predictions, records: Uint32Array): Predictions {
  const outputs = selectOutputs(predictions, records);
  const groups = predictions.groups && Uint32Array.from(records, (record) => predictions.groups![record]!);
  const selected = { outputs, ...(groups && { groups }) };
  switch (predictions.task) {
    case 'single-label':
      return {
        ...predictions,
        ...selected,
        labels: Int32Array.from(records, (record) => predictions.labels[record]!),
      };
    case 'multi-label':
      return { ...predictions, ...selected, labels: selectLists(predictions.labels, records) };
    case 'token-classification': {
      const { offsets, positions } = predictions.labels;
      const lists = selectLists(predictions.labels, records);
      const places = selectLists({ offsets, codes: positions }, records).codes;
      return { ...predictions, ...selected, labels: { ...lists, positions: places } };
    }
    case 'generation':
      return {
        ...predictions,
        ...selected,
        labels: Uint32Array.from(records, (record) => predictions.labels[record]!),
      };
    default:
      return {
        ...predictions,
        ...selected,
        labels: Float64Array.from(records, (record) => predictions.labels[record]!),
      };
  }
}

function selectOutputs(predictions: Predictions, records: Uint32Array): Float32Array {
  const width = widthOf(predictions);
  const offsets = predictions.task === 'token-classification' ? predictions.labels.offsets : undefined;
  const rows = Array.from(records, (record) => {
    const [from, to] = offsets ? [offsets[record]!, offsets[record + 1]!] : [record, record + 1];
    return predictions.outputs.subarray(from * width, to * width);
  });
  const outputs = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    outputs.set(row, at);
    at += row.length;
  }
  return outputs;
}

function selectLists({ offsets, codes }: LabelLists, records: Uint32Array): LabelLists {
  const lists = Array.from(records, (record) => codes.subarray(offsets[record], offsets[record + 1]));
  const selected = new Uint32Array(records.length + 1);
  for (const [row, list] of lists.entries()) selected[row + 1] = selected[row]! + list.length;
  return { offsets: selected, codes: Int32Array.from(lists.flatMap((list) => [...list])) };
}
