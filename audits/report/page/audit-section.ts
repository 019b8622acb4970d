import type { AuditResults } from '../schema-evidence.ts';
import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';
import { percent, significant } from '../words.ts';
import { badge, facts, section, shown, table } from './blocks.ts';
import type { Charts } from './guarantee-sections.ts';
import { html, type Html } from './markup.ts';

/** What the attacker of an audit sees. */
const adversaries: Readonly<Record<string, string>> = {
  A0: "the final model's answers on natural records",
  A1: "the final model's answers on records made for the purpose",
  A2: "the final model's answers, after initial weights chosen for the attack",
  A3: 'every noisy step',
  A4: 'one noisy step',
};

function auditFacts(found: AuditResults[number], index: number): Html {
  const known = adversaries[found.adversary];
  return facts(`Audit ${index + 1}: ${found.method}`, [
    ['Verdict', found.verdict],
    ['Attacker', known === undefined ? found.adversary : `${found.adversary}, who sees ${known}`],
    [
      'Bound',
      `epsilon at least ${significant(found.epsilonLower)} at delta ${found.delta}, with ${percent(found.confidence)} confidence`,
    ],
    ['Could have found at most', shown(found.ceiling, (value) => significant(value))],
    ['Compared with', shown(found.claim, (value) => significant(value))],
    ['Holds for', shown(found.family, (family) => `mechanisms of the family: ${family}`)],
    [
      'Canaries',
      html`${shown(found.canaries)} ${isGiven(found.canaryDesign) ? `(${found.canaryDesign})` : ''}`,
    ],
    ['Guesses', html`${shown(found.guesses)}, right: ${shown(found.correct)}`],
    ['Correction', shown(found.correction)],
    ['Design fixed before training', shown(found.preregisteredHash, (hash) => html`<code>${hash}</code>`)],
    [
      'Attack',
      shown(
        found.attack,
        ({ auc, tprAt001, tprAt01 }) =>
          html`AUC ${shown(auc, significant)}; found at 0.1 % false alarms ${shown(tprAt001, percent)}; at 1 %
          ${shown(tprAt01, percent)}`,
      ),
    ],
  ]);
}

/** Tests before training, audits after it, attacks. */
export function auditSection({ implementationTests, audit, attacks }: Report, charts: Charts): Html {
  return section(
    'audits',
    'Tests and audits',
    isGiven(implementationTests)
      ? table(
          `Checks of the job's own mechanism before training, ${significant(implementationTests.seconds, 3)} s`,
          ['check', 'result', 'figures'],
          implementationTests.checks.map(({ title, passed, detail }) => [
            title,
            passed ? badge('good', 'passed') : badge('bad', 'failed'),
            detail,
          ]),
        )
      : html`<p>Tests before training: ${shown(implementationTests)}</p>`,
    charts.audit,
    isGiven(audit) ? html`${audit.map(auditFacts)}` : html`<p>Audits: ${shown(audit)}</p>`,
    isGiven(attacks)
      ? table(
          'Attacks on natural records',
          ['attack', 'figures'],
          attacks.map(({ name, figures }) => [
            name,
            Object.entries(figures)
              .map(([figure, value]) => `${figure} ${significant(value)}`)
              .join(', '),
          ]),
        )
      : html`<p>Attacks: ${shown(attacks)}</p>`,
  );
}
