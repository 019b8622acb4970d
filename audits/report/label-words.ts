import { choice, group, list, text, whole, type TypeOf } from './schema-node.ts';

/** How a language model classifies by its words: `verbalizer` of plan.json. */
export const labelWordsSchema = group('How a language model that classifies by its words is asked.', {
  template: text('What surrounds the text: {text}, {textPair} and, where the word stands, {mask}.'),
  words: list(
    'One word for each class, in the order of the scores.',
    group('One class.', {
      label: text('Name of the class.'),
      word: text('Word that stands for it.'),
      token: whole('Its token in the vocabulary.'),
    }),
  ),
  maxLength: whole('Tokens of the longest text, template included.'),
  model: choice('What fills the mask.', ['masked-lm', 'causal-lm']),
});

export type LabelWords = TypeOf<typeof labelWordsSchema>;

/** `positive = great, negative = terrible` */
export function wordsInWords({ words }: Pick<LabelWords, 'words'>): string {
  return words.map(({ label, word }) => `${label} = ${word}`).join(', ');
}

/** Python that asks a `model` with its `tokenizer` for the scores of the classes. */
export function labelWordsUsage({ template, words, maxLength, model }: LabelWords): readonly string[] {
  const isMasked = model === 'masked-lm';
  const asked = isMasked ? template : template.replace(/ ?\{mask\}\s*$/, '');
  const labels = words.map(({ label }) => JSON.stringify(label)).join(', ');
  return [
    `prompt = ${JSON.stringify(asked)}`,
    ...(isMasked ? ["prompt = prompt.replace('{mask}', tokenizer.mask_token)"] : []),
    ...(template.includes('{textPair}') ? ["prompt = prompt.replace('{textPair}', 'your second text')"] : []),
    "prompt = prompt.replace('{text}', 'your text')",
    `batch = tokenizer(prompt, return_tensors='pt')  # shorten the text where this is longer than ${maxLength} tokens`,
    isMasked ? "at = (batch['input_ids'][0] == tokenizer.mask_token_id).nonzero()[-1, 0]" : 'at = -1',
    'with torch.no_grad():',
    `    logits = model(**batch).logits[0, at, [${words.map(({ token }) => token).join(', ')}]]`,
    `scores = dict(zip([${labels}], logits.softmax(-1).tolist()))`,
  ];
}
