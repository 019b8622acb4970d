import { roundedUp } from '../../../privacy/index.ts';
import { isGiven } from '../schema-node.ts';
import type { Hazards, Report } from '../schema.ts';

type Body = Omit<Report, 'hazards' | 'limits'>;
type Status = Hazards[number]['status'];
type Finding = readonly [status: Status, evidence: string];

/** Hazards of NIST SP 800-226, in its order; H12 is the one that text adds. */
const titles = [
  'An (epsilon, delta) guarantee alone would allow a rare catastrophic failure',
  "The attacker's question is not the one that the unit of privacy answers",
  'Protecting single events does not protect the people behind them',
  'Guarantees with different delta are compared',
  'Guarantees with different units are compared',
  'A large delta makes a guarantee look stronger than it is',
  'Private releases are mixed with others that are not',
  'A mechanism of its own making may be wrong',
  'Machine learning memorises single records, large networks above all',
  'Synthetic data without differential privacy is taken for private',
  'Deep synthetic data may be of poor quality',
  'In free text it is hard to say what one unit is and whose data it holds',
  'An interactive model spends budget with every answer and must be secured',
  'The assumptions about who is trusted must hold',
  'Side channels of the implementation: floating point, timing, the machine',
  'The raw data must be secured',
  'Access to the raw data must be controlled',
  'Differential privacy is no reason to collect more',
] as const;

/** Each hazard with what this run shows of it. */
export function hazardsOf(body: Body): Hazards {
  const findings = [...aboutTheClaim(body), ...aboutTheRun(body), ...aboutTheSurroundings(body)];
  return titles.map((title, index) => {
    const [status, evidence] = findings[index]!;
    return { id: `H${index + 1}`, title, status, evidence };
  });
}

/** H1 to H6. */
function aboutTheClaim({ claim, unit, dataset }: Body): Finding[] {
  if (!isGiven(claim)) {
    const none: Finding = ['not applicable', 'The run makes no claim that could mislead.'];
    return [none, ['open', 'Nothing is protected.'], ['open', 'Nothing is protected.'], none, none, none];
  }
  const { delta, gaussian } = claim;
  const expected = roundedUp(delta * dataset.publicSize, 2);
  return [
    isGiven(gaussian)
      ? [
          'addressed',
          `The whole curve is given: mu = ${roundedUp(gaussian.mu, 4)} (Gaussian differential privacy), epsilon at several deltas, and attack rates from the exact trade-off curve.`,
        ]
      : ['partly', 'Epsilon is given at several deltas; no curve is known for this mechanism.'],
    [
      'partly',
      `The unit is stated (${claim.unit}), and what several units together are protected by. Facts about groups, and about people in the texts of others, are not covered.`,
    ],
    unit.kind === 'user'
      ? [
          'addressed',
          `The unit is a user with all of their records, of which ${isGiven(unit.maxRecords) ? unit.maxRecords : 0} at most take part.`,
        ]
      : [
          'partly',
          'The unit is a record. A person with several records is protected less: the report gives epsilon for 2 and 4 records together, where it is finite.',
        ],
    [
      'addressed',
      'Delta stands beside every epsilon, and dptune diff refuses to compare guarantees of different delta.',
    ],
    [
      'addressed',
      'The unit stands beside every epsilon, and dptune diff refuses to compare guarantees of different unit or relation.',
    ],
    [
      isGiven(dataset.selection) ? 'partly' : 'addressed',
      isGiven(dataset.selection)
        ? `delta = ${roundedUp(delta, 3)} is below 1/units for the ${dataset.publicSize} records that take part. It should be below 1/records of the whole file, whose number is not published.`
        : `delta = ${roundedUp(delta, 3)} is below 1/units: over all ${dataset.publicSize} units the failures expected are at most ${expected}.`,
    ],
  ];
}

/** H7 to H12. */
function aboutTheRun({
  status,
  claim,
  meaning,
  scope,
  implementationTests,
  audit,
  ledger,
  unit,
  dataset,
}: Body): Finding[] {
  const counted = isGiven(ledger)
    ? 'What was charged to the same scope is counted in the ledger.'
    : 'Nobody counted.';
  const tests = isGiven(implementationTests) ? implementationTests : undefined;
  const advantage = isGiven(meaning) ? meaning.advantage : 1;
  const audited = isGiven(audit)
    ? `${audit.length} audit result${audit.length === 1 ? '' : 's'} in this report.`
    : 'No audit was made.';
  return [
    [
      isGiven(ledger) && isGiven(scope.otherReleases) ? 'addressed' : isGiven(ledger) ? 'partly' : 'open',
      `${counted} ${isGiven(scope.otherReleases) ? 'Other releases are stated.' : 'Other releases about the same people are not stated.'} Unprotected quantities of this run are listed under scope.`,
    ],
    tests && tests.failed === 0
      ? [
          'addressed',
          `Before training, ${tests.passed} checks of clipping, sampling and noise passed on this job's own model.`,
        ]
      : tests
        ? ['open', `${tests.failed} checks of the job's own mechanism failed.`]
        : ['partly', 'The program has tests of its own; none were run on this job.'],
    !status.private || !isGiven(claim)
      ? ['open', 'Nothing bounds what the model remembers of a record.']
      : [
          advantage <= 0.5 ? 'addressed' : 'partly',
          `The guarantee bounds memorisation of a unit: no attacker's advantage exceeds ${roundedUp(advantage, 3)}${advantage <= 0.5 ? '' : ', which leaves room for much'}. ${audited}`,
        ],
    ...(dataset.task === 'generation' ? syntheticTexts(status.private) : [noSyntheticData, noSyntheticData]),
    [
      isGiven(unit.whoElse) ? 'partly' : 'open',
      `${unit.definition} ${isGiven(unit.whoElse) ? 'The owner states who else appears in the texts.' : 'Who else appears in the texts is not stated.'}`,
    ],
  ];
}

const noSyntheticData: Finding = ['not applicable', 'This run releases a model, no synthetic data.'];

/** H10 and H11, of a model whose answers are texts. */
function syntheticTexts(isPrivate: boolean): Finding[] {
  return [
    isPrivate
      ? [
          'addressed',
          'This run releases a model, no synthetic data. Texts that the model writes are covered by its guarantee, however many they are.',
        ]
      : ['open', 'Texts that the model writes carry no guarantee either.'],
    ['open', 'How good texts of this model are as data was not measured; dptune synthesize measures it.'],
  ];
}

/** H13 to H18. */
function aboutTheSurroundings({ status, statements, mechanism }: Body): Finding[] {
  return [
    status.private
      ? [
          'addressed',
          'The weights themselves are covered, so that answers of the model cost nothing further and may be given without limit.',
        ]
      : ['open', 'Neither the weights nor the answers of the model are protected.'],
    [
      'partly',
      'Central setting: whoever ran the job could read the raw data. What must be trusted is listed under accounting, with what is known of it.',
    ],
    [
      mechanism.randomness.secure ? 'partly' : 'open',
      'Noise comes from the operating system in float64 and is rounded to a lattice; nothing that depends on the realised batch is released. Timing and the machine itself are not protected.',
    ],
    ['open', 'Outside of this program, which creates private/ readable by its owner alone.'],
    ['open', 'Outside of this program.'],
    [
      isGiven(statements.retention) && isGiven(statements.legalBasis) ? 'partly' : 'open',
      isGiven(statements.legalBasis)
        ? 'The owner states a legal basis.'
        : 'Whether the data had to be collected is not stated.',
    ],
  ];
}
