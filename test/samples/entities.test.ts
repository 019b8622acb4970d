import { expect, test } from 'vitest';
import { reproducibleRng } from '../../privacy/index.ts';
import { entitiesOf } from '../../src/evaluate/index.ts';
import { sampleEntities } from '../../src/samples/index.ts';

const sentences = sampleEntities(200, reproducibleRng('samples'));

test('made-up notes are the same each time, one tag a word, in valid BIO', () => {
  expect(sampleEntities(200, reproducibleRng('samples'))).toEqual(sentences);
  expect(sentences.every(({ tokens, tags }) => tokens.length === tags.length)).toBe(true);
  const orphans = sentences.flatMap(({ tags }) =>
    tags.filter((tag, at) => tag.startsWith('I-') && tags[at - 1]?.slice(1) !== tag.slice(1)),
  );
  expect(orphans).toEqual([]);
  expect(sentences.flatMap(({ tokens }) => tokens).join(' ')).not.toMatch(/[{}]/);
});

test('have four kinds of entities, most of whose names are new in other notes', () => {
  const namesIn = (some: typeof sentences) =>
    some.flatMap(({ tokens, tags }) =>
      entitiesOf(tags).map(({ kind, start, end }) => `${kind} ${tokens.slice(start, end).join(' ')}`),
    );
  const known = new Set(namesIn(sentences));
  expect(new Set([...known].map((name) => name.split(' ')[0]))).toEqual(
    new Set(['PER', 'LOC', 'ORG', 'DRUG']),
  );
  const people = namesIn(sampleEntities(100, reproducibleRng('others'))).filter((name) =>
    /^PER \S+ \S+$/.test(name),
  );
  expect(people.filter((name) => known.has(name)).length).toBeLessThan(0.2 * people.length);
  expect(people.length).toBeGreaterThan(30);
});
