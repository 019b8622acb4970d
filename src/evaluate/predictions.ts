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
      readonly task: 'generation';
      /** Number of tokens of each record that were to be predicted, [records]. */
      readonly labels: Uint32Array;
    };

/** Record r has the names codes[offsets[r]] .. codes[offsets[r + 1] - 1]; offsets is [records + 1]. */
export interface LabelLists {
  readonly offsets: Uint32Array;
  readonly codes: Int32Array;
}

/** What a model answered, beside the right answers. */
export type Predictions = Truth & {
  /** Logits (regression: values; generation: mean losses over the record's targets), [records, labels] or [records]. */
  readonly outputs: Float32Array;
  /**
   * Group of each record, any numbers, [records]. Records of one group, such as those of one author, are not independent:
   * the bootstrap resamples whole groups. Each record is its own group unless given.
   */
  readonly groups?: Int32Array | Uint32Array;
};

/** The predictions of one task. */
export type PredictionsOf<Task extends Truth['task']> = Extract<Predictions, { task: Task }>;

export function recordsOf(truth: Truth): number {
  return truth.task === 'multi-label' ? truth.labels.offsets.length - 1 : truth.labels.length;
}

/** Outputs for each record. */
function widthOf(truth: Truth): number {
  return 'labelNames' in truth ? truth.labelNames.length : 1;
}

/** @throws InvalidParameterError where lengths disagree or a code names no label */
export function checkPredictions(predictions: Predictions): void {
  const records = recordsOf(predictions);
  const width = widthOf(predictions);
  const { outputs, groups } = predictions;
  if (outputs.length !== records * width) {
    throw new InvalidParameterError(
      `outputs.length=${outputs.length}: must be records * labels = ${records} * ${width}. Give the outputs of these records.`,
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
  const width = widthOf(predictions);
  const outputs = new Float32Array(records.length * width);
  for (const [row, record] of records.entries()) {
    outputs.set(predictions.outputs.subarray(record * width, (record + 1) * width), row * width);
  }
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

function selectLists({ offsets, codes }: LabelLists, records: Uint32Array): LabelLists {
  const lists = Array.from(records, (record) => codes.subarray(offsets[record], offsets[record + 1]));
  const selected = new Uint32Array(records.length + 1);
  for (const [row, list] of lists.entries()) selected[row + 1] = selected[row]! + list.length;
  return { offsets: selected, codes: Int32Array.from(lists.flatMap((list) => [...list])) };
}
