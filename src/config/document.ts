import { LineCounter, isCollection, isMap, isScalar, parseDocument, type Document } from 'yaml';
import { ConfigError } from '../../privacy/errors.ts';

export type Path = readonly (string | number)[];

/** Where something stands in a job file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something wrong with a job, at one place. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
}

/** A parsed job file. */
export interface JobDocument {
  /** The file's content as plain data; sharing through aliases is gone. */
  readonly value: unknown;
  /** Where a setting stands, or else the nearest setting around it. */
  positionOf(path: Path, atKey?: boolean): Position;
}

/** A job file has some hundred short lines; more is an attack or the wrong file. */
export const LARGEST_JOB_FILE = 1 << 20;
/** Aliases that one file may expand to, so that nested ones cannot exhaust the memory. */
const MOST_ALIASES = 100;
/** Settings nest five deep; the parser recurses. */
const DEEPEST_NESTING = 40;

/**
 * Parses YAML 1.2 or JSON (which is YAML). Duplicate keys, unknown tags, several documents, excessive aliases and
 * nesting are refused.
 * @throws ConfigError with every syntax error and its position
 */
export function parseJob(text: string, file: string): JobDocument {
  if (text.length > LARGEST_JOB_FILE) {
    throw new ConfigError(
      `${file}: size=${text.length}, must be at most ${LARGEST_JOB_FILE} characters: is this a job file?`,
    );
  }
  const lines = new LineCounter();
  const document = parse(text, file, lines);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const messages = faults.map((fault) => `${at(file, positionAt(lines, fault.pos[0]))}: ${fault.message}`);
    throw new ConfigError(messages.join('\n'));
  }
  return {
    value: plainValue(document, file),
    positionOf: (path, atKey) => positionAt(lines, offsetOf(document, path, atKey ?? false)),
  };
}

export function at(file: string, position: Position): string {
  return `${file}:${position.line}:${position.column}`;
}

function parse(text: string, file: string, lineCounter: LineCounter): Document.Parsed {
  const depth = nestingOf(text);
  if (depth > DEEPEST_NESTING) {
    throw new ConfigError(
      `${file}: nesting=${depth}, must be at most ${DEEPEST_NESTING}: is this a job file?`,
    );
  }
  return parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
}

/** An upper bound on how deep the collections nest, before any recursive parser sees the text. */
function nestingOf(text: string): number {
  let [open, deepest, indented] = [0, 0, 0];
  for (const line of text.split('\n')) {
    const indent = /^[\s\-?:]*/.exec(line)![0];
    indented = Math.max(indented, indent.replaceAll(' ', '').length);
    for (const character of line) {
      if (character === '[' || character === '{') deepest = Math.max(deepest, ++open);
      else if ((character === ']' || character === '}') && open > 0) open--;
    }
  }
  return Math.max(deepest, indented);
}

function plainValue(document: Document, file: string): unknown {
  try {
    // Through JSON, so that aliased parts do not share what validation fills in.
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MOST_ALIASES }) ?? null, exactNumbers));
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new ConfigError(
      `${file}: aliases: at most ${MOST_ALIASES} may be expanded; write the settings out`,
      { cause: error },
    );
  }
}

/** JSON would turn .nan and .inf into null; as texts they are refused by name. */
function exactNumbers(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function offsetOf(document: Document, path: Path, atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (!isCollection(node)) return offset;
    const last = depth === path.length - 1;
    const key = isMap(node)
      ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step))?.key
      : undefined;
    const value = node.get(step, true);
    const next = last && atKey ? rangeStart(key) : (rangeStart(value) ?? rangeStart(key));
    if (next === undefined) return offset;
    offset = next;
    node = value;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | undefined)?.range?.[0];
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
