export { attackRun, type AttackFigures } from './attacks.ts';
export { extractRecords, type ExtractionAttack } from './extraction.ts';
export { auditRun, requireNoViolation, type RunAudit } from './run-audit.ts';
export {
  auditScores,
  scoresDesign,
  type Origin,
  type ScoresAudit,
  type ScoresDesign,
} from './scores-audit.ts';
export { readScores } from './scores-file.ts';
export { auditWhiteBox } from './white-box-run.ts';
