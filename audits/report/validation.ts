import type { ValidateFunction } from 'ajv';
import { DptuneError } from '../../privacy/errors.ts';
import { reportSchema, type Report } from './schema.ts';

let validator: Promise<ValidateFunction<Report>> | undefined;

async function compiled(): Promise<ValidateFunction<Report>> {
  const { Ajv } = await import('ajv');
  return new Ajv({ strict: true, allErrors: true }).compile<Report>(reportSchema);
}

/**
 * Checks a parsed report.json against the schema.
 * @throws DptuneError `verification` naming the first places that do not fit
 */
export async function checkReport(json: unknown): Promise<Report> {
  const validate = await (validator ??= compiled());
  if (validate(json)) return json;
  const faults = (validate.errors ?? [])
    .slice(0, 5)
    .map(
      ({ instancePath, message, params }) => `  ${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    );
  throw new DptuneError(
    'verification',
    `report.json: does not fit the schema ${reportSchema.$id}. Make it anew with dptune report:\n${faults.join('\n')}`,
  );
}
