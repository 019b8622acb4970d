/** What one check found. Nothing in it is private: it is part of the release. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  /** How strong the check was, and what it found where it failed. */
  readonly detail: string;
  /** Statistical tests in it, each of which fails by chance with `testLevel` at most. */
  readonly tests: number;
}

/** Of every statistical test: how likely it is to reject what is right. */
export const testLevel = 1e-10;

/** One test of a check: what is asked, and whether the answer was as it must be. */
interface Question {
  readonly what: string;
  readonly holds: boolean;
}

/** Collects the tests of one check. */
export interface Verdict {
  /** A fact that must hold with certainty. */
  must(what: string, holds: boolean): void;
  /** A statistical test, by a bound on the probability of what was seen if all is right; two-sided tests give their side's. */
  test(what: string, probability: number): void;
  /** A statistical bound at the level of one test: whether it allows the claim. */
  bound(what: string, holds: boolean): void;
  /** What was done, for the detail. */
  note(text: string): void;
  /** Statistical tests made so far. */
  readonly tests: number;
  close(): Check;
}

export function openVerdict(id: string, title: string): Verdict {
  const questions: Question[] = [];
  const notes: string[] = [];
  let tests = 0;
  return {
    get tests() {
      return tests;
    },
    must: (what, holds) => void questions.push({ what, holds }),
    test(what, probability) {
      tests += 1;
      questions.push({ what, holds: probability >= testLevel / 2 });
    },
    bound(what, holds) {
      tests += 1;
      questions.push({ what, holds });
    },
    note: (text) => void notes.push(text),
    close() {
      const wrong = questions.filter(({ holds }) => !holds).map(({ what }) => what);
      // A check that asked nothing has shown nothing.
      const passed = wrong.length === 0 && questions.length > 0;
      const failed = wrong.length > 0 ? [`failed: ${[...new Set(wrong)].join('; ')}`] : [];
      return { id, title, passed, detail: [...failed, ...notes].join('. '), tests };
    },
  };
}
