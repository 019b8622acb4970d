export { collectReport } from './collect.ts';
export { comparablePlan, comparableReport, whyIncomparable, type Comparable } from './comparison.ts';
export { jobHazards, type JobHazard } from './job-hazards.ts';
export { findChromium, printPdf } from './pdf.ts';
export { readStatements } from './stated.ts';
export { isRun, readReport } from './stored.ts';
export { writeReport, type WrittenReport } from './write.ts';
