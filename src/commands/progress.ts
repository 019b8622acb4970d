import { roundedUp } from '../../privacy/figures.ts';
import { duration } from './figures.ts';
import type { TextStream } from './output.ts';

/** Where a run stands. */
export interface ProgressState {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** What the steps are of, such as the name of a phase. */
  readonly label?: string;
  /** What is counted; steps unless given. */
  readonly unit?: string;
  /** Epsilon spent so far. */
  readonly epsilon?: number;
  /** Epsilon that the whole run may spend. */
  readonly budget?: number;
}

export interface Progress {
  update(state: ProgressState): void;
  /** Takes the live line away so that other text can be printed; the next update draws it again. */
  clear(): void;
  /** Leaves the last state standing and gives the cursor back. */
  done(): void;
}

export interface ProgressOptions {
  readonly stream: TextStream;
  /** Draw in place; otherwise a plain line now and then. */
  readonly tty: boolean;
  /** Clock in milliseconds. */
  readonly now?: () => number;
}

/** Nothing is shown. */
export const silentProgress: Progress = { update: () => {}, clear: () => {}, done: () => {} };

const REDRAW_MILLISECONDS = 100;
const PLAIN_LINE_MILLISECONDS = 15_000;
/** The rate shown is the mean over about the last 20 seconds. */
const RATE_WINDOW_MILLISECONDS = 20_000;
const HIDE_CURSOR = '\u001B[?25l';
export const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_LINE = '\r\u001B[K';

/** One line on the state of a run: step, share done, rate, time left, epsilon spent of budget. */
export function createProgress({ stream, tty, now = () => performance.now() }: ProgressOptions): Progress {
  const rate = createRate(now);
  let [drawnAt, drawn, hidden] = [-Infinity, '', false];
  let latest: ProgressState | undefined;

  const showCursor = () => {
    if (hidden) stream.write(SHOW_CURSOR);
    hidden = false;
    process.off('exit', showCursor);
  };
  const clear = () => {
    if (tty && drawn !== '') stream.write(CLEAR_LINE);
    drawn = '';
  };
  const draw = (state: ProgressState) => {
    drawnAt = now();
    drawn = lineOf(state, rate.stepsPerSecond(), tty ? (stream.columns ?? 80) - 1 : Infinity);
    if (!tty) {
      stream.write(`${drawn}\n`);
      return;
    }
    if (!hidden) process.once('exit', showCursor);
    stream.write(`${hidden ? '' : HIDE_CURSOR}${CLEAR_LINE}${drawn}`);
    hidden = true;
  };
  return {
    update: (state) => {
      rate.add(state.step);
      latest = state;
      if (now() - drawnAt >= (tty ? REDRAW_MILLISECONDS : PLAIN_LINE_MILLISECONDS)) draw(state);
    },
    clear,
    done: () => {
      if (latest && (tty || lineOf(latest, rate.stepsPerSecond(), Infinity) !== drawn)) draw(latest);
      if (tty && latest) stream.write('\n');
      [latest, drawn] = [undefined, ''];
      showCursor();
    },
  };
}

/** Steps a second over a sliding window, so that a pause or a resume does not spoil it for long. */
function createRate(now: () => number) {
  let seen: { step: number; time: number }[] = [];
  return {
    add: (step: number) => {
      const time = now();
      if (seen.length > 0 && step < seen.at(-1)!.step) seen = [];
      const oldest = seen.findIndex((entry) => time - entry.time <= RATE_WINDOW_MILLISECONDS);
      seen = [
        ...(oldest < 0 ? seen.slice(-1) : seen.slice(Math.min(oldest, seen.length - 1))),
        { step, time },
      ];
    },
    stepsPerSecond: (): number | undefined => {
      const [first, last] = [seen[0], seen.at(-1)];
      if (!first || !last || last.time === first.time || last.step === first.step) return undefined;
      return ((last.step - first.step) * 1000) / (last.time - first.time);
    },
  };
}

/** The line within `width` characters; what matters least goes first where there is no room. */
function lineOf(state: ProgressState, stepsPerSecond: number | undefined, width: number): string {
  const { step, steps, label, unit = 'steps', epsilon, budget } = state;
  const share = steps > 0 ? Math.min(step / steps, 1) : 1;
  const bar = `[${'#'.repeat(Math.floor(share * 20)).padEnd(20, '-')}]`;
  const spent =
    epsilon === undefined
      ? ''
      : `epsilon ${roundedUp(epsilon, 3)}${budget === undefined ? '' : ` of ${roundedUp(budget, 3)}`}`;
  const rate = stepsPerSecond === undefined ? '' : `${significant(stepsPerSecond)} ${unit}/s`;
  const left =
    stepsPerSecond === undefined || step >= steps ? '' : `ETA ${duration((steps - step) / stepsPerSecond)}`;
  const full = [label ?? '', `${step}/${steps}`, `${Math.floor(share * 100)}%`, bar, rate, left, spent];
  for (const dropped of [[], [bar], [bar, rate], [bar, rate, label ?? ''], [bar, rate, label ?? '', left]]) {
    const line = full.filter((part) => part !== '' && !dropped.includes(part)).join(' ');
    if (line.length <= width) return line;
  }
  return `${step}/${steps} ${spent}`.slice(0, width);
}

/** Three significant digits and no exponent where a person would write none. */
function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
