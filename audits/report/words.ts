import { roundedUp } from '../../privacy/index.ts';

/** Four significant digits, for what is no bound. */
export function significant(value: number, digits = 4): string {
  return String(Number(value.toPrecision(digits)));
}

/** A probability that is an upper bound, in per cent: `22 %`. */
export function percentAtMost(probability: number, digits = 3): string {
  return `${roundedUp(Math.min(100, 100 * probability), digits)} %`;
}

/** A probability that is exact, in per cent. */
export function percent(probability: number): string {
  return `${significant(100 * probability, 4)} %`;
}

/** `accuracy`, `macro F1`: names in metrics.json as people read them. */
export function metricName(name: string): string {
  const known: Readonly<Record<string, string>> = {
    f1: 'F1',
    macroF1: 'macro F1',
    microF1: 'micro F1',
    mcc: 'Matthews correlation',
    auroc: 'AUROC',
    ece: 'calibration error',
    mse: 'mean squared error',
    pearson: 'Pearson correlation',
    spearman: 'Spearman correlation',
    bleu: 'BLEU',
    chrf: 'chrF',
    rouge1: 'ROUGE-1',
    rouge2: 'ROUGE-2',
    rougeL: 'ROUGE-L',
    cider: 'CIDEr',
    coverage: "share of the prompt's words",
    distinct1: 'distinct words',
    distinct2: 'distinct pairs of words',
    words: 'words a text',
    texts: 'texts written',
  };
  if (name.startsWith('f1 of ')) return `F1 of ${name.slice('f1 of '.length)}`;
  return (
    known[name] ?? name.replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
  );
}

/** `0.812`; a count has no decimals. */
export function figureText(metric: string, value: number): string {
  return metric === 'texts' ? grouped(value) : value.toFixed(3);
}

/** `1,200` */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** The first so many digits of a digest. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}

/** What is left of a budget, in four digits that never say more. */
export function roundedDown(value: number): string {
  const nearest = Number(value.toPrecision(4));
  if (nearest <= value) return String(nearest);
  return String(Number((nearest - 10 ** (Math.floor(Math.log10(nearest)) - 3)).toPrecision(4)));
}
