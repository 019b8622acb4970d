export { deltaFor } from './delta.ts';
export { configurationPage } from './documentation.ts';
export { compileExpression, type Expression } from './expression.ts';
export { loadJob, type Job } from './job.ts';
export { overrideOption } from './overrides.ts';
export { phasesOf, type Phase } from './phases.ts';
export { jobSchema, type Config, type ConfigInput } from './schema.ts';
export { suggestionFor } from './suggestion.ts';
export { jobTemplate, type TemplateValues } from './template.ts';
