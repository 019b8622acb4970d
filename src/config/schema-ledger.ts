/** `ledger:` the budget that a job is charged to. */
export const ledgerSchema = {
  description:
    'The budget that this job is charged to: a scope that dptune budget init opened. The whole cost is reserved before training, or the job is refused. none: nobody counts, and the report says so.',
  anyOf: [
    { const: 'none' },
    {
      type: 'object',
      properties: {
        scope: {
          description: 'Name of the scope.',
          type: 'string',
          minLength: 1,
          examples: ['customers'],
        },
        url: {
          description:
            'Where the ledger lies: an SQLite file, or postgres://... DPTUNE_LEDGER or a file of your own unless given.',
          type: 'string',
          minLength: 1,
        },
        approvals: {
          description: 'Approvals of the plan by trusted keys that are needed before training starts.',
          type: 'integer',
          minimum: 0,
        },
      },
      required: ['scope'],
      additionalProperties: false,
    },
  ],
  default: 'none',
} as const;
