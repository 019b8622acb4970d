import { claimSchema, meaningSchema, scopeSchema, unitSchema } from './schema-claim.ts';
import {
  approvalsSchema,
  artifactsSchema,
  attacksSchema,
  auditSchema,
  baseModelSchema,
  datasetSchema,
  ledgerSchema,
  statementsSchema,
  testsSchema,
} from './schema-evidence.ts';
import { labelWordsSchema } from './label-words.ts';
import { promptsSchema } from './prompts.ts';
import { accountingSchema, jobSchema, mechanismSchema } from './schema-method.ts';
import { choice, flag, group, list, orMissing, text, type TypeOf } from './schema-node.ts';
import { utilitySchema } from './schema-utility.ts';

const hazardsSchema = list(
  'The hazards of NIST SP 800-226, each with what this run shows of it.',
  group('One hazard.', {
    id: text('H1 to H18.'),
    title: text('The hazard.'),
    status: choice('What was done about it.', ['addressed', 'partly', 'open', 'not applicable']),
    evidence: text('What that is known from.'),
  }),
);

const schema = group(
  'What a training run did to the privacy of the people in its data, and how that is known.',
  {
    format: choice('Version of this format.', ['dptune-report/1']),
    status: group('Whether the run carries a guarantee at all.', {
      private: flag('False for a run without noise, or with noise from a seed.'),
      stamp: choice('What stands on every page.', ['PRIVATE', 'NOT PRIVATE']),
      reason: text('Why.'),
    }),
    meta: group('About this report.', {
      created: text('When it was first made, UTC, ISO 8601.'),
      tool: text('Program.'),
      versions: list(
        'Versions of what the run rests on.',
        group('One part.', { name: text('Part.'), version: text('Version.') }),
      ),
    }),
    claim: orMissing(claimSchema),
    meaning: orMissing(meaningSchema),
    unit: unitSchema,
    scope: scopeSchema,
    mechanism: mechanismSchema,
    accounting: orMissing(accountingSchema),
    dataset: datasetSchema,
    statements: statementsSchema,
    baseModel: baseModelSchema,
    head: orMissing(text('What the answer of the model is read from.')),
    prompts: orMissing(promptsSchema),
    labelWords: orMissing(labelWordsSchema),
    reasons: list('Why the recipe chose what the job left to it.', text('One.')),
    job: jobSchema,
    utility: utilitySchema,
    implementationTests: orMissing(testsSchema),
    audit: orMissing(auditSchema),
    attacks: orMissing(attacksSchema),
    ledger: orMissing(ledgerSchema),
    approvals: orMissing(approvalsSchema),
    hazards: hazardsSchema,
    limits: list('What this report does not show.', text('One sentence.')),
    artifacts: artifactsSchema,
  },
);

/** JSON Schema of report.json: the one source of the type, the validation and the documentation. */
export const reportSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:dptune:schema:report:1',
  title: 'dptune report',
  ...schema.json,
} as const;

/** A whole report, as report.json holds it. */
export type Report = TypeOf<typeof schema>;
export type Hazards = TypeOf<typeof hazardsSchema>;
