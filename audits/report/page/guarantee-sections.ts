import { roundedUp } from '../../../privacy/index.ts';
import { headInWords } from '../content/task-words.ts';
import { wordsInWords } from '../label-words.ts';
import { promptsInWords } from '../prompts.ts';
import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';
import { grouped, percentAtMost, significant } from '../words.ts';
import { badge, bullets, facts, section, shown, table } from './blocks.ts';
import { html, type Html } from './markup.ts';

/** Charts by name; undefined where the report has no figures for one. */
export type Charts = Readonly<
  Record<'epsilon' | 'tradeOff' | 'utility' | 'budget' | 'audit', Html | undefined>
>;

export function guaranteeSections(report: Report, charts: Charts): Html[] {
  return [
    guarantee(report, charts),
    protectedUnits(report),
    coverage(report),
    mechanism(report),
    accounting(report, charts),
  ];
}

function guarantee({ claim, meaning, status }: Report, charts: Charts): Html {
  const title = 'The guarantee';
  if (!isGiven(claim)) return section('guarantee', title, html`<p>${status.reason}</p>`);
  const { gaussian, profile, withoutAmplification } = claim;
  return section(
    'guarantee',
    title,
    html`<p class="formal">${claim.statement}</p>`,
    facts('Original parameters', [
      ['Kind', `${claim.variant} differential privacy`],
      ['Epsilon, at most', String(claim.epsilon)],
      ['Delta', String(claim.delta)],
      ['Unit', claim.unit],
      ['Neighbouring relation', claim.relation],
      [
        'Gaussian DP',
        shown(
          gaussian,
          ({ mu, regret, floor }) =>
            `mu = ${roundedUp(mu, 5)}, whose curve lies up to ${roundedUp(regret, 2)} below the true one; deltas below ${floor} not looked at`,
        ),
      ],
      [
        'Without amplification by sampling',
        shown(
          withoutAmplification,
          ({ epsilon, participations }) =>
            `epsilon ${roundedUp(epsilon, 4)} at the same delta, if it were known in which ${participations} step${participations === 1 ? '' : 's'} a unit took part`,
        ),
      ],
    ]),
    isGiven(profile)
      ? table(
          'Epsilon at other deltas, at most',
          ['delta', 'epsilon'],
          profile.map(({ delta, epsilon }) => [String(delta), roundedUp(epsilon, 4)]),
        )
      : shown(profile),
    isGiven(meaning)
      ? table(
          'The best that any attacker can do, at most',
          [
            'outsiders wrongly accused',
            'participants found',
            'an accusation is right, if half took part',
            'if 1 % took part',
          ],
          meaning.attacker.map((at) => [
            percentAtMost(at.falsePositiveRate),
            percentAtMost(at.truePositiveRate),
            percentAtMost(at.posteriorFromHalf),
            percentAtMost(at.posteriorFromHundredth),
          ]),
        )
      : undefined,
    isGiven(meaning)
      ? html`<p>
          Advantage (true minus false positive rate) of any attacker, at most:
          ${roundedUp(meaning.advantage, 4)}. Computed from ${meaning.source}.
        </p>`
      : undefined,
    charts.tradeOff,
  );
}

function protectedUnits({ unit, claim }: Report): Html {
  return section(
    'unit',
    'Who is protected',
    facts('The privacy unit', [
      ['Definition', unit.definition],
      ['Neighbouring data sets', unit.relation],
      ['Cut off', unit.truncation],
      ['Text read of a record', `at most ${unit.maxTokens} tokens`],
      ['Others in the texts', shown(unit.whoElse)],
      ['A whole user', shown(unit.userLevel, (epsilon) => `epsilon at most ${roundedUp(epsilon, 4)}`)],
    ]),
    unit.groups.length > 0
      ? table(
          unit.kind === 'user'
            ? 'Several users together, such as families'
            : 'Several records together, such as those of one person',
          ['units', 'epsilon at the same delta, at most'],
          unit.groups.map(({ size, epsilon }) => [size, shown(epsilon, (value) => roundedUp(value, 4))]),
        )
      : undefined,
    isGiven(claim) && unit.kind === 'record'
      ? html`<p>
          The unit is a record: a person with several records is protected by the figures for several units
          together, where they are finite.
        </p>`
      : undefined,
  );
}

function coverage({ scope }: Report): Html {
  return section(
    'scope',
    'What is covered',
    facts('Scope of the guarantee', [
      ['Setting', `${scope.setting}: whoever ran the job could read the raw data`],
      ['Covered', scope.accessesCovered],
      ['Choice of settings', html`${scope.tuningCovered ? 'Covered.' : 'Not covered.'} ${scope.tuning}`],
      ['May be released', scope.output],
      ['Other releases', shown(scope.otherReleases, bullets)],
    ]),
    table(
      'Made public without protection',
      ['what', 'why'],
      scope.unprotected.map(({ quantity, why }) => [quantity, why]),
    ),
    scope.reads.length > 0
      ? table(
          'Reads of private data beside the noisy sums',
          ['read', 'purpose', 'its result'],
          scope.reads.map(({ name, purpose, disposition }) => [
            name,
            purpose,
            disposition === 'charged' ? 'charged to the guarantee' : 'stays in private/',
          ]),
        )
      : undefined,
  );
}

function mechanism({ mechanism: found, reasons, head, prompts, labelWords }: Report): Html {
  return section(
    'mechanism',
    'How it was trained',
    facts('Mechanism', [
      ['Algorithm', `${found.name}, version ${found.version}`],
      ['Sampling', found.sampler],
      ['Noise', found.noise],
      [
        'Randomness',
        html`${found.randomness.source}
        ${found.randomness.secure ? badge('good', 'secure') : badge('bad', 'not secure')}`,
      ],
      ['Normalisation', found.normalisation],
      ['Arithmetic', found.precision],
      ['Micro-batches change', found.microBatches],
      ...(isGiven(head) ? ([['Answer is read from', headInWords(head)]] as const) : []),
      ...(isGiven(prompts) ? ([['Prompts are', promptsInWords(prompts)]] as const) : []),
      ...(isGiven(labelWords)
        ? ([
            ['Texts are put into', labelWords.template],
            ['Classes by their words', wordsInWords(labelWords)],
          ] as const)
        : []),
      ['Plan', html`<code>${found.planHash}</code>`],
    ]),
    ...found.phases.map((phase) =>
      facts(`Phase ${phase.name}`, [
        ['Trained', phase.method],
        ['Sampling rate q', significant(phase.samplingRate, 6)],
        ...(phase.bands > 1 ? ([['Bands of correlated noise', grouped(phase.bands)]] as const) : []),
        ['Expected batch', grouped(phase.expectedBatch)],
        ['Sum divided by', grouped(phase.divisor)],
        ['Steps planned', grouped(phase.steps)],
        ['Steps charged', shown(phase.stepsCharged, grouped)],
        [
          'Clipping',
          `${phase.clippingKind}, norm C = ${phase.clippingNorm} (clipped to ${phase.clipThreshold})`,
        ],
        ...(isGiven(phase.clippingGamma) ? ([['Clipping gamma', phase.clippingGamma]] as const) : []),
        ['Noise multiplier sigma', shown(phase.noiseMultiplier)],
        ['Noise on each coordinate', shown(phase.noiseStandardDeviation)],
        ['Rounded to multiples of', shown(phase.latticeSpacing)],
        ['Optimizer', `${phase.optimizer}, peak learning rate ${phase.learningRate}`],
      ]),
    ),
    reasons.length > 0
      ? html`<h3>Why these settings</h3>
          ${bullets(reasons)}`
      : undefined,
  );
}

const holdsTone = { holds: 'good', 'does not hold': 'bad', 'not shown': 'warning' } as const;

function accounting({ accounting: found, claim }: Report, charts: Charts): Html {
  const title = 'How epsilon was computed';
  if (!isGiven(found) || !isGiven(claim))
    return section(
      'accounting',
      title,
      shown(found, () => ''),
    );
  return section(
    'accounting',
    title,
    facts('Accountant', [
      ['Method', `${found.method}, version ${found.version}, direction ${found.direction}`],
      [
        'Second accountant',
        shown(
          found.crossCheck,
          ({ method, epsilon }) =>
            `${method}: at most ${roundedUp(epsilon, 4)}, a bound on other mathematics that does not contradict ${roundedUp(claim.epsilon, 4)}`,
        ),
      ],
      ['Digest of the question', html`<code>${found.digest}</code>`],
    ]),
    charts.epsilon,
    table(
      'What the bound rests on',
      ['assumption', 'status', 'known from'],
      found.assumptions.map(({ text, holds, evidence }) => [text, badge(holdsTone[holds], holds), evidence]),
    ),
  );
}
