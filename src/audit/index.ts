export { auditRun, requireNoViolation, type AuditResult, type RunAudit, type Verdict } from './run-audit.ts';
