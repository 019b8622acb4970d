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

/** Characters. A job file has some hundred short lines; this leaves room for thousands of label names. */
export const LARGEST_JOB_FILE = 1 << 18;
/** One mistake in YAML can bring many errors after it. */
const MOST_SYNTAX_ERRORS = 20;
/** How often one alias may be expanded through others, so that nested ones cannot exhaust the memory. */
const MOST_ALIASES = 100;

/**
 * Parses YAML 1.2 or JSON (which is YAML). Duplicate keys, unknown tags, several documents, excessive aliases and
 * nesting are refused.
 * @throws ConfigError with every syntax error and its position
 */
export function parseJob(text: string, file: string): JobDocument {
  if (text.length > LARGEST_JOB_FILE) throw tooLarge(file, text.length);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const messages = faults
      .slice(0, MOST_SYNTAX_ERRORS)
      .map((fault) => `${at(file, positionAt(lines, fault.pos[0]))}: ${fault.message}`);
    throw new ConfigError(messages.join('\n'));
  }
  return {
    value: plainValue(document, file),
    positionOf: (path, atKey) => positionAt(lines, offsetOf(document, path, atKey ?? false)),
  };
}

export function tooLarge(file: string, size: number): ConfigError {
  return new ConfigError(`${file}: size=${size}, must be at most ${LARGEST_JOB_FILE}: is this a job file?`);
}

export function at(file: string, position: Position): string {
  return `${file}:${position.line}:${position.column}`;
}

/** The content as plain data, through JSON so that aliased parts do not share what validation fills in. */
function plainValue(document: Document, file: string): unknown {
  try {
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MOST_ALIASES }) ?? null, exactNumbers));
  } catch (error) {
    // An alias of nothing or too many of them (ReferenceError), or one inside of what it stands for (TypeError).
    const why =
      error instanceof ReferenceError ? error.message : 'one stands for something that it is a part of';
    throw new ConfigError(`${file}: aliases: ${why}; write the settings out`, { cause: error });
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
