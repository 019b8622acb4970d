export { buildReport } from './build.ts';
export { renderCard } from './card.ts';
export { approvalsIn, auditIn, ledgerIn, roundingIn, testsIn } from './evidence-files.ts';
export type { Evidence, JobFacts, PlanFacts } from './evidence.ts';
export { renderHtml } from './html.ts';
export { labelWordsUsage } from './label-words.ts';
export { renderOpenDp } from './opendp.ts';
export { renderings } from './renderings.ts';
export type {
  Approvals,
  Artifacts,
  AuditResults,
  ImplementationTests,
  LedgerProof,
  Statements,
} from './schema-evidence.ts';
export { isGiven, missing, type Field, type Missing } from './schema-node.ts';
export { reportSchema, type Report } from './schema.ts';
export { checkStatements, noStatements } from './statements.ts';
export { unitInWords } from './content/words.ts';
export { checkReport } from './validation.ts';
export { verdictOf, type Verdict } from './verdict.ts';
