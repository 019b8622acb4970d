import { labelWordsUsage } from './label-words.ts';
import { isGiven } from './schema-node.ts';
import type { Report } from './schema.ts';

/** What the hub calls the plain use of the model. */
export function pipelineOf({ dataset, labelWords }: Report): string {
  if (isGiven(labelWords)) return labelWords.model === 'masked-lm' ? 'fill-mask' : 'text-generation';
  const { task } = dataset;
  if (task === 'token-classification') return task;
  return task === 'generation' ? 'text-generation' : 'text-classification';
}

/** Markdown that tells how to use model/ in Python. */
export function usageOf(report: Report): string[] {
  const { head, labelWords, artifacts } = report;
  const hasAdapter = artifacts.some(({ path }) => path.startsWith('adapter/'));
  return [
    ...(isGiven(labelWords)
      ? [
          'It answers by words of the language model: the text is put into a template, and what it finds likeliest names the class.',
          '',
        ]
      : []),
    '```python',
    ...(isGiven(labelWords) ? wordsCode(labelWords) : pipelineCode(report)),
    '```',
    '',
    ...(head === 'mean'
      ? [
          `The mean over the tokens is written as one more layer that the plain class computes. Load it in float32 or bfloat16 (float16 overflows), and do not train it further in transformers: continue with dptune${hasAdapter ? ', or with the adapter' : ''}.`,
          '',
        ]
      : []),
    ...(hasAdapter ? ['The adapter alone: see adapter/README.md.', ''] : []),
  ];
}

function wordsCode(labelWords: Parameters<typeof labelWordsUsage>[0]): string[] {
  const className = labelWords.model === 'masked-lm' ? 'AutoModelForMaskedLM' : 'AutoModelForCausalLM';
  return [
    'import torch',
    `from transformers import AutoTokenizer, ${className}`,
    "tokenizer = AutoTokenizer.from_pretrained('model')",
    `model = ${className}.from_pretrained('model').eval()`,
    ...labelWordsUsage(labelWords),
  ];
}

const load = (task: string, options = ''): string => `pipeline('${task}', model='model'${options})`;

function pipelineCode(report: Report): string[] {
  const kind = pipelineOf(report);
  return ['from transformers import pipeline', ...callCode(report, kind)];
}

function callCode({ dataset, prompts }: Report, kind: string): string[] {
  switch (dataset.task) {
    case 'generation':
      if (!isGiven(prompts)) return [`write = ${load(kind)}`, "write('the first words of a text')"];
      return [
        `answer = ${load(kind)}`,
        prompts.chat
          ? "answer([{'role': 'user', 'content': 'your request'}], return_full_text=False)"
          : `answer('your prompt' + ${JSON.stringify(prompts.separator)}, return_full_text=False)`,
      ];
    case 'token-classification':
      return [`find = ${load(kind, ", aggregation_strategy='first'")}`, "find('your text')"];
    case 'regression':
      return [`predict = ${load(kind)}`, "predict('your text')[0]['score']  # the number itself"];
    case 'multi-label':
      return [`classify = ${load(kind, ', top_k=None')}`, "classify('your text')  # each class by itself"];
    case 'pair':
      return [`classify = ${load(kind)}`, "classify({'text': 'the first', 'text_pair': 'the second'})"];
    default:
      return [`classify = ${load(kind)}`, "classify('your text')"];
  }
}
