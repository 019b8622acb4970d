import { roundedUp } from '../../../privacy/index.ts';
import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';
import { isViolation, verdictOf } from '../verdict.ts';
import { grouped, percentAtMost, roundedDown, short } from '../words.ts';
import { taskInWords } from '../content/task-words.ts';
import { badge, bullets, facts } from './blocks.ts';
import { html, type Html } from './markup.ts';

/** Page one, for readers who decide. */
export function coverOf(report: Report): Html {
  const { meta, mechanism, meaning } = report;
  const { tone, title, sentence } = verdictOf(report);
  const version = meta.versions.find(({ name }) => name === meta.tool)?.version ?? '';
  return html`<header class="cover">
      <p class="kind">Privacy report</p>
      <h1>${title}</h1>
      <p class="subject">${subjectOf(report)}</p>
      <p class="lead ${tone}">${sentence}</p>
      <p class="origin">
        Made by ${meta.tool} ${version} on ${meta.created.slice(0, 10)} · plan ${short(mechanism.planHash)}
      </p>
    </header>
    ${figuresOf(report)}
    <section aria-labelledby="standing-title">
      <h2 id="standing-title">What stands behind it</h2>
      ${standingOf(report)}
    </section>
    ${signaturesOf(report)}
    ${
      isGiven(meaning)
        ? html`<section class="meaning" aria-labelledby="meaning-title">
            <h2 id="meaning-title">What this means</h2>
            <div class="pair">
              <div>
                <h3>It means</h3>
                ${bullets(meaning.means)}
              </div>
              <div>
                <h3>It does not mean</h3>
                ${bullets(meaning.doesNotMean)}
              </div>
            </div>
          </section>`
        : undefined
    }`;
}

/** What the report is about. */
function subjectOf(report: Report): string {
  const { dataset, baseModel, unit } = report;
  const people = `${grouped(dataset.publicSize)} ${unit.kind === 'user' ? 'users' : 'records'}`;
  const [base] = baseModel.reference.split('@');
  return `Model for ${taskInWords(report)}, fine-tuned from ${base} on ${people}`;
}

function figuresOf({ claim, meaning, unit }: Report): Html | undefined {
  if (!isGiven(claim) || !isGiven(meaning)) return undefined;
  const { falsePositiveRate, truePositiveRate } = meaning.attacker[1]!;
  const guessing = percentAtMost(falsePositiveRate);
  // The largest whole number that is no more than 1/delta, which float64 may put just below it.
  const oneIn = Math.floor((1 / claim.delta) * (1 + 1e-12));
  return html`<section class="numbers" aria-label="The guarantee in three numbers">
    <div>
      <p class="number">${roundedUp(claim.epsilon, 4)}</p>
      <p>
        <strong>epsilon, at most</strong>, for ${claim.unit}. It may fail with a probability of at most 1 in
        ${grouped(oneIn)} (delta).
      </p>
    </div>
    <div>
      <p class="number">${percentAtMost(truePositiveRate)}</p>
      <p>
        <strong>found, at most</strong>: the share of participants that any attacker identifies while wrongly
        accusing ${guessing} of outsiders. Guessing finds ${guessing}.
      </p>
    </div>
    <div>
      <p class="number">${percentAtMost(meaning.accuracyFromHalf)}</p>
      <p>
        <strong>right, at most</strong>: how often any attacker tells correctly whether a ${unit.kind} took
        part, from even odds. A coin is right 50 % of the time.
      </p>
    </div>
  </section>`;
}

function standingOf(report: Report): Html {
  const { status, claim, implementationTests, audit, ledger, approvals, accounting } = report;
  const open = isGiven(accounting)
    ? accounting.assumptions.filter(({ holds }) => holds !== 'holds').length
    : 0;
  const verdicts = isGiven(audit) ? [...new Set(audit.map(({ verdict }) => verdict))] : [];
  const violated =
    isGiven(audit) && audit.some((found) => (isGiven(claim) ? isViolation(found, claim) : false));
  const clear = verdicts.every((verdict) => verdict.startsWith('no violation'));
  const tone = violated ? 'bad' : clear ? 'good' : 'warning';
  return facts('Evidence for the guarantee', [
    [
      'Mathematics',
      status.private
        ? isGiven(accounting) && isGiven(accounting.crossCheck)
          ? html`${badge('good', 'computed twice')} by accountants on different mathematics. ${open} of its
            assumptions only people can confirm.`
          : html`${badge('warning', 'computed once')}`
        : html`${badge('bad', 'no guarantee')} ${status.reason}`,
    ],
    [
      'Tests before training',
      isGiven(implementationTests)
        ? implementationTests.failed === 0
          ? html`${badge('good', `${implementationTests.passed} passed`)} on this job's own model and data.`
          : html`${badge('bad', `${implementationTests.failed} failed`)} of
            ${implementationTests.checks.length}.`
        : html`${badge('warning', 'none')} The mechanism was not tested on this job.`,
    ],
    [
      'Audit after training',
      isGiven(audit)
        ? html`${verdicts.map((verdict) => badge(tone, verdict))} An audit can find a violation, never prove
          that there is none.`
        : html`${badge('warning', 'none')} Nothing was tried that could have found a violation.`,
    ],
    [
      'Budget',
      isGiven(ledger)
        ? html`${badge('good', 'counted')} in ${ledger.scope}: ${roundedUp(ledger.charged.value, 4)}
          ${ledger.charged.unit} charged, ${roundedDown(ledger.remaining.value)} left of
          ${ledger.budget.value}.`
        : html`${badge('warning', 'nobody counted')} Losses to the same people from other releases are not
          known.`,
    ],
    [
      'Approvals',
      isGiven(approvals)
        ? html`${badge('good', `${approvals.length} signed`)} the plan before it ran.`
        : html`${badge('warning', 'none')} Nobody signed the plan before it ran.`,
    ],
  ]);
}

function signaturesOf({ approvals }: Report): Html {
  return html`<section class="signatures" aria-labelledby="signatures-title">
    <h2 id="signatures-title">Signatures</h2>
    ${
      isGiven(approvals)
        ? facts(
            'Digital signatures over the plan, made before training',
            approvals.map(({ name, time, signature }) => [
              name,
              html`${time} · <code>${signature.slice(0, 24)}…</code>`,
            ]),
          )
        : undefined
    }
    <div class="lines">
      <p><span>Reviewed by</span></p>
      <p><span>Role</span></p>
      <p><span>Date and signature</span></p>
    </div>
  </section>`;
}
