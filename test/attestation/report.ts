import {
  buildReport,
  missing,
  noStatements,
  type Evidence,
  type JobFacts,
  type Report,
} from '../../audits/index.ts';
import { canonicalHash, makePlan } from '../../privacy/index.ts';

const job: JobFacts = {
  nonPrivate: false,
  seeded: false,
  labels: 'declared',
  cleaning: ['lower-case'],
  test: 'file',
  validation: 'none',
  nonPrivateTwin: false,
};

const metrics = {
  private: {
    records: 200,
    accuracy: 0.8125,
    intervals: { accuracy: [0.75, 0.86] },
    slices: { language: { en: { records: 120, accuracy: 0.83 }, es: { records: 80, accuracy: 0.79 } } },
  },
  majority: { records: 200, accuracy: 0.55 },
};

/** A report of a made-up run; nothing was trained. */
export function madeUpReport(changes: Partial<Evidence> = {}): Report {
  const privacy = makePlan({
    unit: { kind: 'user', maxRecords: 4 },
    relation: 'add-or-remove-one',
    publicSize: 1200,
    delta: 1e-5,
    noiseMultiplier: 1.1,
    phases: [{ name: 'head', expectedBatch: 60, steps: 50, clipping: { kind: 'flat', norm: 1 } }],
    bindings: { model: canonicalHash('model') },
  });
  return buildReport({
    created: '2026-11-24T12:00:00Z',
    versions: [
      { name: 'dptune', version: '0.1.0' },
      { name: 'node', version: '20.0.0' },
    ],
    plan: {
      model: {
        reference: 'lab/tiny-bert',
        files: [{ path: 'config.json', bytes: 10, sha256: 'a'.repeat(64) }],
      },
      task: 'single-label',
      head: 'cls',
      maxLength: 128,
      training: [{ method: 'head', learningRate: 0.1, optimizer: { kind: 'adam' } }],
      reasons: ['the head alone is cheap'],
      sizeSource: 'declared',
      privacy,
    },
    job,
    stepsCharged: { head: 50 },
    metrics,
    statements: {
      ...noStatements(),
      intendedUse: 'Routing letters.',
      curators: ['A lab'],
      license: 'Apache-2.0',
      sensitiveCategories: ['health'],
    },
    rounding: missing('no weight is rounded'),
    implementationTests: missing('not run'),
    audit: missing('not made'),
    ledger: missing('none'),
    approvals: missing('none'),
    artifacts: ['metrics.json', 'model/model.safetensors', 'plan.json'].map((path, k) => ({
      path,
      bytes: 100 + k,
      sha256: String(k).repeat(64),
    })),
    ...changes,
  });
}
