import type { ReproducibleRng } from '../../privacy/index.ts';

/** One made-up sentence of a case worker's notes, its words tagged. No person wrote it, and nobody is in it. */
export interface TaggedSentence {
  readonly author: string;
  readonly tokens: readonly string[];
  /** BIO: of each word `O`, or `B-` or `I-` and PER, LOC, ORG or DRUG. */
  readonly tags: readonly string[];
}

/** What is said; `{KIND}` is an entity, `{month}` and `{number}` are not. */
const patterns = [
  'Dr {PER} saw {PER} at {ORG} in {month} .',
  '{PER} was sent from {LOC} to {ORG} last {month} .',
  '{PER} takes {DRUG} every morning and {DRUG} at night .',
  'We stopped {DRUG} because of a rash .',
  'The family of {PER} lives near {LOC} .',
  '{ORG} in {LOC} confirmed the appointment .',
  'Please send the bill to {ORG} , {LOC} .',
  '{PER} , a teacher from {LOC} , called again about {DRUG} .',
  'No change since {month} .',
  'The results were normal and the pain is gone after {number} days .',
  '{ORG} asked whether {DRUG} was given before {month} .',
  'Transfer to {LOC} was refused by {ORG} .',
  'Spoke with {PER} ( {ORG} ) about the results .',
  '{PER} drove to {LOC} and forgot the {DRUG} .',
  'Allergic to {DRUG} , according to {PER} .',
  'The bus from {LOC} was late , so {PER} missed the visit .',
  'Her mother , {PER} , works at {ORG} .',
  'Sleeps badly , eats well , walks {number} minutes a day .',
  'Moved from {LOC} to {LOC} in {month} .',
  'Raised {DRUG} to {number} mg at the request of {PER} .',
  'Letter from {ORG} : no further visits needed .',
  '{PER} and {PER} share a flat in {LOC} .',
  'Both {ORG} and {ORG} sent their reports .',
  'Side effects of {DRUG} explained to {PER} on the phone .',
  'Next visit in {month} , perhaps earlier .',
];
const firstNames =
  'Ada Bruno Carla David Elena Farid Grace Hugo Irene Jonas Kira Leo Mina Noel Olga Paul Rosa Samir Tara Umar Vera Wanda Yusuf Zoe'.split(
    ' ',
  );
/** Beginnings and ends of names of families and of towns, which are alike, so that only the sentence tells them apart. */
const beginnings =
  'Ash Brack Cald Dun Els Farn Gren Hal Kirk Lang Mar Nor Oak Pen Quar Ravens Stan Thorn Up Wes Yar'.split(
    ' ',
  );
const ends = 'bury combe dale field ford ham ley stead ton well worth'.split(' ');
const organisations = [
  '{name} General Hospital',
  '{name} Clinic',
  'Bank of {name}',
  '{name} & Sons',
  'University of {name}',
  '{name} Council',
  'Saint {first} Pharmacy',
  '{name} Insurance',
];
const stems = 'Ado Belu Cori Duva Emo Fena Gali Lume Nexo Pari Rivo Tena'.split(' ');
const suffixes = 'fen mide pril statin trex zole'.split(' ');
const months = 'January March April June July August October December'.split(' ');

/**
 * Notes by made-up case workers, each with one to six sentences: people, towns, organisations and medicines. Names are put
 * together from parts, so that most names of held-out sentences were never seen in training.
 */
export function sampleEntities(authors: number, rng: ReproducibleRng): TaggedSentence[] {
  const pick = <T>(list: readonly T[]): T => list[rng.integer(list.length)]!;
  const name = (): string => pick(beginnings) + pick(ends);
  const entity: Readonly<Record<string, () => string>> = {
    PER: () => (rng.uniform() < 0.5 ? `${pick(firstNames)} ${name()}` : pick([pick(firstNames), name()])),
    LOC: name,
    ORG: () =>
      pick(organisations)
        .replace('{name}', name)
        .replace('{first}', () => pick(firstNames)),
    DRUG: () => pick(stems) + pick(suffixes),
  };
  const write = (author: string): TaggedSentence => {
    const [tokens, tags]: [string[], string[]] = [[], []];
    for (const part of pick(patterns).split(' ')) {
      const kind = /^\{([A-Z]+)\}$/.exec(part)?.[1];
      const said = kind
        ? entity[kind]!()
        : part.replace('{month}', () => pick(months)).replace('{number}', () => String(2 + rng.integer(58)));
      for (const [at, word] of said.split(' ').entries()) {
        tokens.push(word);
        tags.push(kind ? `${at === 0 ? 'B' : 'I'}-${kind}` : 'O');
      }
    }
    return { author, tokens, tags };
  };
  return Array.from({ length: authors }, (_, index) => {
    const author = `worker-${String(index + 1).padStart(4, '0')}`;
    return Array.from({ length: 1 + rng.integer(6) }, () => write(author));
  }).flat();
}
