import {
  byName,
  choice,
  digest,
  flag,
  group,
  list,
  number,
  orMissing,
  probability,
  text,
  whole,
  type TypeOf,
} from './schema-node.ts';

export const datasetSchema = group(
  'The training data. Its digests are private: with all other records known, a digest confirms a guess of the last one.',
  {
    publicSize: whole('Number of units that is known to everyone.'),
    sizeSource: choice('Where that number comes from.', ['declared', 'counted']),
    selection: orMissing(
      group('Which records of the file take part, where not all do.', {
        perClass: whole('Records of each class, at most: the first by a public order.'),
        classes: whole('Classes, as declared.'),
        seed: whole('Seed of the order.'),
        accounting: text('What it means for the accounting.'),
      }),
    ),
    task: text('What is learnt from it.'),
    labels: text('Where the names of the classes come from, for tasks that have any.'),
    cleaning: list('Steps applied to every text.', text('One step.')),
    evaluationData: text('What the model was evaluated on.'),
    validationData: text('What guided training, if anything.'),
  },
);

/** What only people know. */
export const statementsSchema = group('Stated by the owner of the data; not checked.', {
  intendedUse: orMissing(text('What the model is for.')),
  outOfScopeUse: orMissing(text('What it must not be used for.')),
  curators: orMissing(list('Who is responsible for the data and the release.', text('One organisation.'))),
  dataDescription: orMissing(text('Whose data it is, where it comes from, over which time.')),
  dataLanguages: orMissing(list('Languages of the texts.', text('One, as ISO 639-1.'))),
  sensitiveCategories: orMissing(list('Sensitive categories in the data.', text('One.'))),
  legalBasis: orMissing(text('Legal basis of the processing.')),
  retention: orMissing(text('How long the raw data and this record are kept.')),
  whoElseAppears: orMissing(text('People beside the protected ones who appear in the texts.')),
  otherReleases: orMissing(list('Other releases about the same people.', text('One.'))),
  recipients: orMissing(text('Who gets the model.')),
  license: orMissing(text('License of the released model.')),
  contact: orMissing(text('Whom to ask.')),
  dpia: orMissing(text('Data protection impact assessment, or why there is none.')),
  expert: orMissing(
    group('Who determined the risk, as 45 CFR 164.514(b)(1) asks.', {
      name: text('Name.'),
      qualifications: text('Qualifications.'),
      date: text('Date.'),
      result: text('Result, with its method and threshold.'),
    }),
  ),
});

const roundingSchema = group(
  'Rounding of the weights that the training left as they were; the released model has them rounded.',
  {
    bits: whole('Bits of each.'),
    weights: whole('How many numbers.'),
    compared: text('What of both models is compared.'),
    tokens: whole('Random tokens that they are compared at.'),
    relativeError: number('Root mean square of the differences over that of the values.', { minimum: 0 }),
    largestDifference: number('Largest difference.', { minimum: 0 }),
    sameWord: orMissing(
      number('Share of the tokens at which both find the same word likeliest.', {
        minimum: 0,
        maximum: 1,
      }),
    ),
  },
);

export const baseModelSchema = group('The model that training started from.', {
  reference: text('Name or directory.'),
  files: list(
    'Its files.',
    group('One file.', { path: text('Path.'), bytes: whole('Size.'), sha256: digest('Digest.') }),
  ),
  pretraining: text('What is known of the data that it was pretrained on.'),
  frozenWeights: orMissing(roundingSchema),
});

export const auditSchema = list(
  'Empirical lower bounds on the privacy loss. They can find a defect, never prove its absence.',
  group('One audit.', {
    adversary: text("What the attacker sees, A0 (the model's answers) to A4 (every step)."),
    method: text('Statistic.'),
    family: orMissing(text('Family of trade-off curves that the bound is conditional on.')),
    canaries: orMissing(whole('m: canaries.')),
    guesses: orMissing(whole('r: guesses made.')),
    correct: orMissing(whole('v: right guesses.')),
    delta: number('Delta of the bound.', { minimum: 0 }),
    confidence: probability('Confidence of the bound.'),
    correction: orMissing(text('Correction for several looks at the data.')),
    preregisteredHash: orMissing(text("Digest of the audit's design, published before training.")),
    epsilonLower: number('Epsilon is at least this, at the confidence.', { minimum: 0 }),
    ceiling: orMissing(number('The largest bound that this audit could have given.', { minimum: 0 })),
    canaryDesign: orMissing(text('What the canaries are.')),
    verdict: text('What follows.'),
    claim: orMissing(number('Epsilon that the bound is compared with.', { minimum: 0 })),
    attack: orMissing(
      group('How well the canaries are told apart.', {
        auc: orMissing(probability('Area under the ROC curve.')),
        tprAt001: orMissing(probability('True positive rate at a false positive rate of 0.1 %.')),
        tprAt01: orMissing(probability('True positive rate at a false positive rate of 1 %.')),
      }),
    ),
  }),
);

export const attacksSchema = list(
  'Attacks on natural records, where their release was charged.',
  group('One attack.', { name: text('Attack.'), figures: byName('Its figures.', number('One figure.')) }),
);

export const testsSchema = group("The job's own mechanism, tested before it trained.", {
  seconds: number('Duration.', { minimum: 0 }),
  falseAlarm: orMissing(probability('Probability that a job without fault fails, at most.')),
  passed: whole('Checks passed.'),
  failed: whole('Checks failed.'),
  checks: list(
    'Each check.',
    group('One check.', {
      id: text('Name.'),
      title: text('What is checked.'),
      passed: flag('Result.'),
      detail: text('Figures.'),
    }),
  ),
});

const amount = group('An amount of privacy loss.', {
  value: number('Number.', { minimum: 0 }),
  unit: text('Unit.'),
});

export const ledgerSchema = group('The budget that the job was charged to.', {
  scope: text('Name of the scope.'),
  description: text('The population that it stands for.'),
  unit: text('Privacy unit of the scope.'),
  relation: text('Neighbouring relation of the scope.'),
  delta: number('Delta of the scope.', { minimum: 0 }),
  method: text('Composition rule, valid when each job depends on the last.'),
  theorem: text('Where that is proved.'),
  budget: amount,
  spentBefore: amount,
  charged: amount,
  remaining: amount,
  parents: list(
    'Larger populations that these people belong to, where the charge counts, too.',
    group('One scope.', { scope: text('Name.'), charged: amount, remaining: amount }),
  ),
  expires: orMissing(text('Date after which nothing more may be charged.')),
  review: orMissing(text('Date by which someone should look at the budget again.')),
  entries: whole('Entries of this job, each with a proof of inclusion in ledger.json.'),
  size: whole('Entries of the whole log when this was written.'),
  root: text('Root of its Merkle tree.'),
  checkpoint: orMissing(text('The same, signed.')),
  publicKey: orMissing(text('Key that it is signed with.')),
});

export const approvalsSchema = list(
  "Signatures over the plan's hash, made before training.",
  group('One approval.', {
    name: text('Name of the key.'),
    publicKey: text('Ed25519 public key.'),
    planHash: text('What was signed.'),
    signature: text('Signature.'),
    time: text("When, as the signer's machine says."),
  }),
);

export const artifactsSchema = list(
  'Every file of release/ but the renderings of this report.',
  group('One file.', { path: text('Path in release/.'), bytes: whole('Size.'), sha256: digest('Digest.') }),
);

export type Dataset = TypeOf<typeof datasetSchema>;
export type Statements = TypeOf<typeof statementsSchema>;
export type BaseModel = TypeOf<typeof baseModelSchema>;
export type Rounding = TypeOf<typeof roundingSchema>;
export type AuditResults = TypeOf<typeof auditSchema>;
export type ImplementationTests = TypeOf<typeof testsSchema>;
export type LedgerProof = TypeOf<typeof ledgerSchema>;
export type Approvals = TypeOf<typeof approvalsSchema>;
export type Artifacts = TypeOf<typeof artifactsSchema>;
