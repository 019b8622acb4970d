export { checkConformance, efforts, requireConformance } from './conformance.ts';
export type { Conformance, Effort } from './conformance.ts';
export type { Check } from './verdict.ts';
