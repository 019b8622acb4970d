import { isGiven } from '../schema-node.ts';
import type { Report } from '../schema.ts';

/** One demand of a law or standard, and where this report has evidence for it. */
interface Row {
  readonly demand: string;
  readonly evidence: string;
  /** Whether this report holds that evidence; people judge whether it suffices. */
  readonly isGiven: (report: Report) => boolean;
}

interface Standard {
  readonly name: string;
  readonly scope: string;
  readonly rows: readonly Row[];
}

const always = (): boolean => true;
const claimed = ({ claim }: Report): boolean => isGiven(claim);
const tested = ({ implementationTests, audit }: Report): boolean =>
  isGiven(implementationTests) || isGiven(audit);
const audited = ({ audit }: Report): boolean => isGiven(audit);
const counted = ({ ledger }: Report): boolean => isGiven(ledger);
const approved = ({ approvals }: Report): boolean => isGiven(approvals);
const stated =
  (...names: readonly (keyof Report['statements'])[]) =>
  ({ statements }: Report): boolean =>
    names.every((name) => isGiven(statements[name]));
const measured = ({ utility }: Report): boolean => utility.models.length > 0;

/**
 * What each document asks for and what of it a report can hold evidence for. Never a statement of conformity.
 * Sources: NIST SP 800-226 (pyramid of section 1, hazards); EDPB Opinion 28/2024, section 3.2.3; Regulation (EU) 2024/1689,
 * Annex IV; 45 CFR 164.514(b)(1); ISO/IEC 27559:2022.
 */
export const crosswalk: readonly Standard[] = [
  {
    name: 'NIST SP 800-226',
    scope: 'Guidelines for evaluating differential privacy guarantees',
    rows: [
      { demand: 'Epsilon, with all original parameters', evidence: 'The guarantee', isGiven: claimed },
      { demand: 'Unit of privacy', evidence: 'Who is protected', isGiven: always },
      {
        demand: 'Utility, and bias between groups',
        evidence: 'How well it works; slices',
        isGiven: measured,
      },
      {
        demand: 'Algorithms and their correctness',
        evidence: 'How it was trained; Tests and audits',
        isGiven: tested,
      },
      {
        demand: 'Query model and threat model',
        evidence: 'What is covered; How epsilon was computed',
        isGiven: always,
      },
      {
        demand: 'Side channels, security, access control',
        evidence: 'Hazards H15 to H17: outside of this program',
        isGiven: () => false,
      },
      {
        demand: 'Data collection exposure',
        evidence: 'Hazard H18; Stated by the owner',
        isGiven: stated('legalBasis'),
      },
    ],
  },
  {
    name: 'EDPB Opinion 28/2024',
    scope: 'Data protection aspects of AI models',
    rows: [
      {
        demand: 'Likelihood of extracting personal data from the model',
        evidence: 'What the guarantee means; Tests and audits',
        isGiven: claimed,
      },
      {
        demand: 'Likelihood of obtaining personal data through queries',
        evidence: 'The same bound: answers are computed from the released weights',
        isGiven: claimed,
      },
      {
        demand: 'Measures taken at design time, with the threat model',
        evidence: 'How it was trained; How epsilon was computed',
        isGiven: always,
      },
      {
        demand: 'Theoretical resistance to attacks',
        evidence: 'Trade-off curve, attack rates',
        isGiven: claimed,
      },
      {
        demand: 'Reports of tests: by whom, when, how, how far, with results',
        evidence: 'Tests and audits',
        isGiven: audited,
      },
      {
        demand: 'Data protection impact assessment, or why there is none',
        evidence: 'Stated by the owner',
        isGiven: stated('dpia'),
      },
      {
        demand: 'Residual risk, for deployers and data subjects',
        evidence: 'What the guarantee does not mean; What this report does not show',
        isGiven: always,
      },
    ],
  },
  {
    name: 'EU AI Act, Annex IV',
    scope: 'Technical documentation of high-risk AI systems, Regulation (EU) 2024/1689',
    rows: [
      { demand: '1: intended purpose', evidence: 'Stated by the owner', isGiven: stated('intendedUse') },
      {
        demand: '2(b): design choices and their rationale',
        evidence: 'How it was trained; reasons of the recipe',
        isGiven: always,
      },
      {
        demand: '2(d): provenance and characteristics of the training data',
        evidence: 'Data; Stated by the owner',
        isGiven: stated('dataDescription'),
      },
      {
        demand: '2(g): validation and testing, metrics, signed test reports',
        evidence: 'How well it works; Tests and audits; Approvals',
        isGiven: (report) => measured(report) && approved(report),
      },
      { demand: '2(h): cybersecurity measures', evidence: 'Outside of this program', isGiven: () => false },
      {
        demand: '4: appropriateness of the metrics',
        evidence: 'How well it works: intervals, baselines, slices',
        isGiven: measured,
      },
      { demand: '5: risk management', evidence: 'Hazards', isGiven: always },
      {
        demand: '6: changes through the lifecycle',
        evidence: 'Budget: entries of the ledger',
        isGiven: counted,
      },
    ],
  },
  {
    name: 'HIPAA, 45 CFR 164.514(b)(1)',
    scope: 'Expert determination',
    rows: [
      {
        demand: 'An expert with appropriate knowledge',
        evidence: 'Stated by the owner: expert',
        isGiven: stated('expert'),
      },
      {
        demand: 'Risk is very small that the anticipated recipient could identify an individual',
        evidence: 'Attack rates, for the expert to judge; Stated by the owner: recipients',
        isGiven: (report) => claimed(report) && stated('recipients')(report),
      },
      { demand: 'Methods and results are documented', evidence: 'This report', isGiven: claimed },
    ],
  },
  {
    name: 'ISO/IEC 27559:2022',
    scope: 'Privacy enhancing data de-identification framework',
    rows: [
      {
        demand: 'Context: recipients, threats',
        evidence: 'Stated by the owner; What the guarantee means',
        isGiven: stated('recipients'),
      },
      {
        demand: 'Data assessment',
        evidence: 'Data; Stated by the owner',
        isGiven: stated('dataDescription'),
      },
      { demand: 'Identifiability assessment', evidence: 'Attack rates; audits', isGiven: claimed },
      { demand: 'Mitigation', evidence: 'How it was trained', isGiven: claimed },
      {
        demand: 'Governance: approval, budget, review after release',
        evidence: 'Budget and approvals',
        isGiven: (report) => counted(report) && approved(report),
      },
    ],
  },
];
