import { InvalidParameterError } from '../../privacy/index.ts';

/** What one text is asked for: nothing, a prompt that it follows, or a label that a prompt stands for. */
export interface TextRequest {
  readonly prompt?: string;
  readonly label?: string;
}

/** A label and the share of the texts that are to have it. */
export interface LabelShare {
  readonly label: string;
  readonly share: number;
}

/** Stands for the label in a template. */
const placeholder = '{label}';
/** Of sums of shares. */
const rounding = 1e-9;

/**
 * Shares of labels, as declared: nothing is counted from data.
 * @param given - `NAME`, or `NAME=WEIGHT`; weights are 1 unless given
 * @returns shares that add up to 1
 * @throws InvalidParameterError for fewer than two labels, one that occurs twice, or a weight of 0
 */
export function labelShares(given: readonly string[]): readonly LabelShare[] {
  const weighted = given.map((text) => {
    const [, label = text, weight = '1'] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
    if (!(Number(weight) > 0)) {
      throw new InvalidParameterError(`label=${text}: the weight must be above 0. Leave that label out.`);
    }
    return { label, weight: Number(weight) };
  });
  const names = weighted.map(({ label }) => label);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new InvalidParameterError(`label=${twice}: occurs twice. Give each once.`);
  if (names.length < 2) {
    throw new InvalidParameterError(`label=${names.join()}: must be two at least. Repeat --label NAME.`);
  }
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return weighted.map(({ label, weight }) => ({ label, share: weight / total }));
}

/**
 * A request for each of `count` texts, labels mixed evenly: of the first n texts, for any n, each label has its share within
 * one text (Tijdeman, The chairman assignment problem, Discrete Mathematics 32, 1980).
 * @param template - the prompt of a label, with `{label}` in it
 * @throws InvalidParameterError for a template without `{label}`
 */
export function labelledRequests(
  count: number,
  shares: readonly LabelShare[],
  template: string,
): readonly TextRequest[] {
  if (!template.includes(placeholder)) {
    throw new InvalidParameterError(
      `template=${template}: must hold ${placeholder}. Put it where the label goes.`,
    );
  }
  const made = shares.map(() => 0);
  const least = 1 / (2 * shares.length - 2);
  return Array.from({ length: count }, (_, index) => {
    // Of the labels that are owed enough, the one whose next text is due first.
    const [next] = shares
      .map(({ share }, at) => ({ at, share, owed: share * (index + 1) - made[at]! }))
      .filter(({ owed }) => owed > least - rounding)
      .map(({ at, share, owed }) => ({ at, due: (1 - least - owed) / share }))
      .sort((a, b) => a.due - b.due);
    made[next!.at]! += 1;
    const { label } = shares[next!.at]!;
    return { label, prompt: template.replaceAll(placeholder, () => label) };
  });
}

/** A request for each of `count` texts, with the prompts in turn; without any, texts that follow nothing. */
export function promptedRequests(
  count: number,
  prompts: readonly string[] | undefined,
): readonly TextRequest[] {
  return Array.from({ length: count }, (_, index) =>
    prompts ? { prompt: prompts[index % prompts.length]! } : {},
  );
}
