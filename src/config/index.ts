export { jobSchema } from './schema.ts';
export type { Config, ConfigInput, PhaseInput } from './schema.ts';
