import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DataError, DptuneError, DriftError } from '../../privacy/index.ts';

/** One charge: a phase and a step of it, from 1. */
export interface Charge {
  readonly phase: string;
  readonly step: number;
}

/**
 * The write-ahead record of a run: a step's charge is durable before its batch is sampled, so a process killed at any
 * moment has sampled nothing that is not charged (G33). Each step is charged once: steps that a crash took are spent and
 * not repeated, so no batch is ever drawn beyond the plan's steps (G23). Of two processes that go on with one run, the
 * second to charge stops before it samples: what lies on disk must be what this process read and wrote, to the byte.
 */
export class Journal {
  readonly #file: number;
  readonly #path: string;
  readonly #charged = new Map<string, number>();
  readonly #isPaid: (phase: string, step: number) => boolean;
  #bytes: number;

  /** @param isPaid - whether a budget outside has paid for a step; without one there is no such budget */
  constructor(path: string, isPaid: (phase: string, step: number) => boolean = () => true) {
    this.#path = path;
    this.#isPaid = isPaid;
    const isNew = !existsSync(path);
    const charges = isNew ? [] : readJournal(path);
    this.#file = openSync(path, 'a+');
    if (isNew) syncDirectory(dirname(path));
    this.#bytes = dropTornLine(this.#file, path);
    for (const charge of charges) this.#note(charge);
  }

  /** Steps of a phase charged so far. */
  charged(phase: string): number {
    return this.#charged.get(phase) ?? 0;
  }

  /**
   * Charges the phase's next step; returns only once the charge is on disk.
   * @throws DriftError where another process charged this run in the meantime
   * @throws DptuneError `budget` for a step that was not paid for
   */
  charge(phase: string): Charge {
    const charge: Charge = { phase, step: this.charged(phase) + 1 };
    if (!this.#isPaid(phase, charge.step)) {
      throw new DptuneError(
        'budget',
        `step=${charge.step}: phase ${phase} is not paid for in the ledger that far. Pay before the step.`,
      );
    }
    const line = Buffer.from(`${JSON.stringify(charge)}\n`);
    this.#requireAlone();
    for (let done = 0; done < line.length;) done += writeSync(this.#file, line, done);
    fsyncSync(this.#file);
    this.#bytes += line.length;
    this.#requireAlone();
    this.#note(charge);
    return charge;
  }

  close(): void {
    closeSync(this.#file);
  }

  #requireAlone(): void {
    const { size } = fstatSync(this.#file);
    if (size === this.#bytes) return;
    throw new DriftError(
      `journal=${this.#path}: has ${size} bytes, and this process knows of ${this.#bytes}. Another process goes on with this run; let it finish, or end it and resume.`,
    );
  }

  #note({ phase, step }: Charge): void {
    if (step !== this.charged(phase) + 1) {
      throw new DriftError(
        `step=${step}: the journal charges it after step ${this.charged(phase)} of phase ${phase}. It was edited or damaged; restore it from a copy.`,
      );
    }
    this.#charged.set(phase, step);
  }
}

/** Steps charged so far, by phase; none where there is no journal yet. */
export function stepsIn(path: string): Record<string, number> {
  const steps: Record<string, number> = {};
  if (existsSync(path)) for (const { phase, step } of readJournal(path)) steps[phase] = step;
  return steps;
}

/** All whole lines; nothing was sampled after a torn last line, so it is no charge. */
export function readJournal(path: string): Charge[] {
  const text = readFileSync(path, 'utf8');
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  return lines.map((line, index) => {
    const charge = parseCharge(line);
    if (charge) return charge;
    throw new DataError(
      `${path}:${index + 1}: not a charge. The journal was edited or damaged; restore it from a copy.`,
    );
  });
}

function parseCharge(line: string): Charge | undefined {
  try {
    const { phase, step } = JSON.parse(line) as Partial<Charge>;
    if (typeof phase === 'string' && Number.isSafeInteger(step)) return { phase, step: step! };
  } catch {
    // not JSON: not a charge
  }
  return undefined;
}

/** @returns the bytes that are left */
function dropTornLine(file: number, path: string): number {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) ftruncateSync(file, end);
  return end;
}

/** Makes a new file's name durable, too. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
