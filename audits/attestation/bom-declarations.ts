import { isGiven } from '../report/schema-node.ts';
import type { Report } from '../report/schema.ts';
import { BOM_REFS, type Json } from './bom-parts.ts';

type Hazard = Report['hazards'][number];

/** The hazards as a standard with one requirement each, so that attestations can refer to them. */
export function hazardStandard({ hazards }: Report): Json {
  return {
    'bom-ref': 'standard',
    name: 'Hazards of NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees',
    version: '2025-03',
    description: 'The hazards that the publication names, numbered here; wording by dptune.',
    owner: 'National Institute of Standards and Technology',
    requirements: hazards.map(({ id, title }) => ({ 'bom-ref': BOM_REFS.hazard(id), identifier: id, title })),
  };
}

/** What the run claims of each hazard, by which evidence; a hazard left open is a claim against it. */
export function declarationsOf(report: Report): Json {
  const { hazards, claim, status, approvals, meta } = report;
  const relevant = hazards.filter(({ status: found }) => found !== 'not applicable');
  const evidence = evidenceOf(report);
  const refs = evidence.map((item) => item['bom-ref']);
  return {
    assessors: [
      { 'bom-ref': BOM_REFS.assessor, thirdParty: false, organization: { name: `${meta.tool}, by program` } },
    ],
    attestations: [
      {
        summary: `${status.stamp}: ${status.reason}`,
        assessor: BOM_REFS.assessor,
        map: relevant.map((hazard) => ({
          requirement: BOM_REFS.hazard(hazard.id),
          [hazard.status === 'open' ? 'counterClaims' : 'claims']: [BOM_REFS.claim(hazard.id)],
          conformance: { score: SCORES[hazard.status], rationale: hazard.evidence },
        })),
      },
    ],
    claims: relevant.map((hazard) => ({
      'bom-ref': BOM_REFS.claim(hazard.id),
      target: BOM_REFS.model,
      predicate: PREDICATES[hazard.status](hazard),
      reasoning: hazard.evidence,
      evidence: refs,
    })),
    evidence,
    affirmation: {
      statement: isGiven(claim) ? claim.statement : `${status.stamp}: ${status.reason}`,
      ...(isGiven(approvals) &&
        approvals.length > 0 && {
          signatories: approvals.map(({ name }) => ({
            name,
            role: 'approved the plan before training',
            organization: { name },
            externalReference: { type: 'electronic-signature', url: 'ledger.json' },
          })),
        }),
    },
  };
}

const SCORES: Readonly<Record<Hazard['status'], number>> = {
  addressed: 1,
  partly: 0.5,
  open: 0,
  'not applicable': 0,
};

const PREDICATES: Readonly<Record<Hazard['status'], (hazard: Hazard) => string>> = {
  addressed: ({ title }) => `Addressed: ${title}.`,
  partly: ({ title }) => `Partly addressed: ${title}.`,
  open: ({ title }) => `Not addressed: ${title}.`,
  'not applicable': ({ title }) => `Not applicable: ${title}.`,
};

/** The files that the report was made of. */
function evidenceOf({ artifacts, meta }: Report): (Json & { readonly 'bom-ref': string })[] {
  return artifacts
    .filter(({ path }) => path.endsWith('.json') && !path.includes('/'))
    .map(({ path }) => ({
      'bom-ref': BOM_REFS.evidence(path),
      propertyName: `dp:${path.replace(/\.json$/, '')}`,
      description: path,
      data: [{ name: path, contents: { url: path } }],
      created: meta.created,
      author: { name: meta.tool },
    }));
}
