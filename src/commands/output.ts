import { createProgress, silentProgress, type Progress } from './progress.ts';

/** A terminal, pipe or file that text goes to. */
export interface TextStream {
  write(text: string): unknown;
  /** Width of a terminal in characters. */
  readonly columns?: number | undefined;
}

export type Cell = string | number | boolean | null | undefined;

/** What every command prints with. */
export interface Output {
  readonly json: boolean;
  /** With --json one line of JSON on stdout, else nothing. Numbers that JSON lacks become texts ("Infinity"). */
  event(event: Readonly<Record<string, unknown>>): void;
  /** Without --json a line on stdout. */
  line(text?: string): void;
  /** Without --json an aligned table on stdout; the keys of the first row are the headings. */
  table(rows: readonly Readonly<Record<string, Cell>>[]): void;
  /** A remark on stderr, in either mode. */
  readonly note: (text: string) => void;
  /** One live line on stderr: drawn in place on a terminal, now and then elsewhere, silent with --json. */
  progress(): Progress;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Whether stderr is a terminal. */
  readonly tty: boolean;
}

/** The arguments that every command has. */
export interface CommonArguments {
  readonly json: boolean;
}

/** The output of a command run from the command line. */
export function outputFor({ json }: CommonArguments): Output {
  return createOutput({ json, stdout: process.stdout, stderr: process.stderr, tty: process.stderr.isTTY });
}

export function createOutput({ json, stdout, stderr, tty }: OutputOptions): Output {
  let live: Progress = silentProgress;
  const print = (stream: TextStream, text: string) => {
    live.clear();
    stream.write(`${printable(text)}\n`);
  };
  return {
    json,
    event: (event) => {
      if (json) stdout.write(`${JSON.stringify(event, finite)}\n`);
    },
    line: (text = '') => {
      if (!json) print(stdout, text);
    },
    table: (rows) => {
      if (!json && rows.length > 0) print(stdout, tableOf(rows, stdout.columns ?? Infinity));
    },
    note: (text) => print(stderr, text),
    progress: () => {
      live = json ? silentProgress : createProgress({ stream: stderr, tty });
      return live;
    },
  };
}

function finite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Text from data and model files must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}

/** Numbers to the right, text to the left; a last column too wide for the terminal is wrapped. */
function tableOf(rows: readonly Readonly<Record<string, Cell>>[], columns: number): string {
  const headings = Object.keys(rows[0]!);
  const cells = rows.map((row) => headings.map((heading) => cellText(row[heading])));
  const numeric = headings.map((heading) => rows.every((row) => typeof (row[heading] ?? 0) === 'number'));
  const widths = headings.map((heading, i) =>
    Math.max(...[heading, ...cells.map((row) => row[i]!)].map(widthOf)),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const room = Math.max(columns - before, 20);
  return [headings, ...cells]
    .flatMap((row) => {
      const lines = wrap(row.at(-1)!, room);
      const start = row.slice(0, -1).map((cell, i) => aligned(cell, widths[i]!, numeric[i]!));
      const last = (line: string) =>
        lines.length === 1 && numeric.at(-1) ? aligned(line, widths.at(-1)!, true) : line;
      return lines.map((line, i) =>
        i === 0 ? [...start, last(line)].join('  ') : `${' '.repeat(before)}${line}`,
      );
    })
    .map((line) => line.trimEnd())
    .join('\n');
}

function cellText(cell: Cell): string {
  return printable(cell === null || cell === undefined ? '-' : String(cell)).replaceAll(/[\n\t]/g, ' ');
}

const graphemes = new Intl.Segmenter();

function widthOf(text: string): number {
  return [...graphemes.segment(text)].length;
}

function aligned(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - widthOf(text));
  return right ? space + text : text + space;
}

function wrap(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
