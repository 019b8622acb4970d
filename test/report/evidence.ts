import {
  approvalsIn,
  auditIn,
  ledgerIn,
  missing,
  noStatements,
  testsIn,
  type Evidence,
} from '../../audits/index.ts';
import { makePlan } from '../../privacy/index.ts';

const digest = (sign: string) => sign.repeat(64);

/** As conformance.json, audit.json and ledger.json hold it; made up. */
const conformance = {
  format: 'dptune-conformance/1',
  checks: [
    {
      id: 'clipping',
      title: 'No unit exceeds the clipping norm',
      passed: true,
      detail: 'largest norm 0.9990',
    },
    {
      id: 'noise',
      title: 'Noise has the standard deviation of the plan',
      passed: true,
      detail: 'chi-square 0.31',
    },
    {
      id: 'sampler',
      title: 'Units are drawn independently at rate q',
      passed: true,
      detail: '16,777,216 trials',
    },
  ],
  passed: true,
  falseAlarm: 1e-6,
  seconds: 4.2,
};

const audit = {
  format: 'dptune-audit/1',
  results: [
    {
      adversary: 'A1',
      method: 'one-run',
      family: null,
      m: 200,
      r: 100,
      v: 61,
      delta: 1e-5,
      confidence: 0.95,
      correction: 'none',
      preregisteredHash: digest('e'),
      epsilonLower: 0.12,
      ceiling: 3.46,
      attack: { auc: 0.58, tprAt001: 0.01, tprAt01: 0.03 },
      canaryDesign: 'mislabelled',
      verdict: 'no violation found',
      claim: 1.89,
    },
    {
      adversary: 'A4',
      method: 'gaussian',
      family: 'gaussian',
      m: null,
      r: null,
      v: null,
      delta: 1e-5,
      confidence: 0.95,
      correction: null,
      preregisteredHash: null,
      epsilonLower: 1.2,
      ceiling: null,
      attack: null,
      canaryDesign: 'Dirac gradient',
      verdict: 'no violation found',
      claim: 1.89,
    },
  ],
};

const ledger = {
  format: 'dptune-ledger/1',
  scope: {
    name: 'patients-2026',
    description: 'Patients of three clinics, 2026',
    unit: 'user',
    relation: 'add-or-remove-one',
    delta: 1e-5,
    budget: { epsilon: 10 },
    method: 'rdp',
    theorem: 'Renyi filter',
  },
  entries: [{}, {}, {}],
  parents: { patients: { unit: 'epsilon', spentBefore: 2, charged: 2.5, remaining: 15.5 } },
  unit: 'epsilon',
  spentBefore: 1.5,
  charged: 2.5,
  remaining: 6,
  head: { origin: 'dptune.example/ledger', size: 57, root: digest('d') },
  checkpoint: `dptune.example/ledger\n57\nroot\n\n— dptune.example/ledger c2ln\n`,
  publicKey: 'dptune.example/ledger+12345678+key',
  approvals: [
    {
      keyName: 'data-protection-officer',
      publicKey: 'data-protection-officer+12345678+key',
      planHash: digest('a'),
      signature: 'c2lnbmF0dXJl'.repeat(6),
      time: '2026-11-23T09:00:00Z',
    },
  ],
};

const privacy = makePlan({
  unit: { kind: 'user', maxRecords: 4 },
  relation: 'add-or-remove-one',
  publicSize: 1200,
  delta: 1e-5,
  noiseMultiplier: 1.1,
  phases: [
    { name: 'head', expectedBatch: 60, steps: 30, clipping: { kind: 'flat', norm: 1 } },
    { name: 'lora', expectedBatch: 30, steps: 20, clipping: { kind: 'automatic', norm: 1, gamma: 0.01 } },
  ],
  reads: [{ name: 'data report', purpose: 'counts, for the owner', disposition: 'private' }],
  bindings: { model: digest('c') },
});

function figures(accuracy: number, records = 200) {
  const intervals = {
    accuracy: [accuracy - 0.05, accuracy + 0.05],
    macroF1: [accuracy - 0.06, accuracy + 0.04],
  };
  return {
    records,
    accuracy,
    macroF1: accuracy - 0.01,
    ece: null,
    intervals,
    reasons: { ece: 'undefined here' },
  };
}

/** Evidence of every kind, for a report that has nothing missing. Made up: nothing was trained. */
export const fullEvidence: Evidence = {
  created: '2026-11-24T12:00:00Z',
  versions: [
    { name: 'dptune', version: '0.1.0' },
    { name: 'node', version: '20.0.0' },
  ],
  plan: {
    model: {
      reference: 'lab/tiny-bert@0123456789abcdef0123456789abcdef01234567',
      files: [{ path: 'config.json', bytes: 10, sha256: digest('a') }],
    },
    task: 'classification',
    head: 'mean',
    maxLength: 128,
    frozenWeights: 'int8',
    training: [
      { method: 'head', learningRate: 0.1, optimizer: { kind: 'adamw' } },
      { method: 'lora', learningRate: 0.001, optimizer: { kind: 'adamw' } },
    ],
    reasons: ['head: the head alone is cheap'],
    sizeSource: 'declared',
    privacy,
  },
  job: {
    nonPrivate: false,
    seeded: false,
    labels: 'declared',
    cleaning: ['unicode'],
    test: 'file',
    validation: 'public file',
    nonPrivateTwin: true,
  },
  stepsCharged: { head: 30, lora: 20 },
  metrics: {
    private: { ...figures(0.81), slices: { language: { en: figures(0.83, 120), es: figures(0.78, 80) } } },
    majority: figures(0.55),
    frozen: figures(0.74),
    validation: figures(0.8),
    retention: { before: 2.1, after: 2.2, reason: null },
  },
  statements: {
    intendedUse: 'Routing letters.',
    outOfScopeUse: 'Deciding about people.',
    curators: ['A lab'],
    dataDescription: 'Letters to three clinics.',
    dataLanguages: ['en', 'es'],
    sensitiveCategories: ['health'],
    legalBasis: 'Consent.',
    retention: 'Two years.',
    whoElseAppears: 'Relatives named in letters.',
    otherReleases: ['Yearly statistics.'],
    recipients: 'The clinics.',
    license: 'apache-2.0',
    contact: 'privacy@lab.example',
    dpia: 'No. 12 of 2026.',
    expert: { name: 'E. Expert', qualifications: 'Statistician', date: '2026-10-01', result: 'Very small.' },
  },
  rounding: {
    bits: 8,
    weights: 85_000_000,
    compared: 'logits',
    tokens: 128,
    relativeError: 0.0123,
    largestDifference: 0.5,
    sameWord: 0.975,
  },
  implementationTests: testsIn(conformance),
  audit: auditIn(audit),
  ledger: ledgerIn(ledger),
  approvals: approvalsIn(ledger),
  artifacts: ['adapter/adapter_config.json', 'metrics.json', 'model/model.safetensors', 'plan.json'].map(
    (path, k) => ({ path, bytes: 100 + k, sha256: digest(String(k)) }),
  ),
};

/** Evidence with as little as a run can have. */
export const bareEvidence: Evidence = {
  ...fullEvidence,
  plan: { ...fullEvidence.plan, sizeSource: 'counted', reasons: [] },
  job: { ...fullEvidence.job, labels: 'collected', test: 'none', validation: 'none', nonPrivateTwin: false },
  stepsCharged: missing('no journal'),
  metrics: {},
  statements: noStatements(),
  implementationTests: testsIn(undefined),
  audit: auditIn(undefined),
  ledger: ledgerIn(undefined),
  approvals: approvalsIn(undefined),
  artifacts: [],
};

/** The same run without clipping and noise. */
export const nonPrivateEvidence: Evidence = {
  ...fullEvidence,
  job: { ...fullEvidence.job, nonPrivate: true },
  metrics: { nonPrivate: figures(0.9) },
};

/** Text that would be markup, a script or a link anywhere that forgets to escape it. */
export const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)> | [x](javascript:alert(1)) '\u0000& {{x}}`;
