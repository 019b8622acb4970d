import { parseDocument } from 'yaml';
import { ConfigError } from '../../privacy/errors.ts';
import type { Path } from './document.ts';

/** The yargs option by which commands take overrides. */
export const overrideOption = {
  alias: 's',
  describe: 'Override a setting of the job: key.path=value, null removes it (may be repeated)',
  type: 'string',
  array: true,
  nargs: 1,
  default: [] as string[],
} as const;

/** One `-s key.path=value`. */
export interface Override {
  /** As written on the command line, for messages. */
  readonly text: string;
  readonly path: Path;
  /** null removes the setting, so that its default holds. */
  readonly value: unknown;
}

/**
 * Reads `train.lora.rank=8`, `data.labels=[no, yes]`, `train.phases.0.steps=10`; values are YAML.
 * @throws ConfigError where there is no `=` or the value is no YAML
 */
export function parseOverride(text: string): Override {
  const split = text.indexOf('=');
  if (split < 1) throw new ConfigError(`-s ${text}: must be key.path=value, such as -s train.batchSize=256`);
  const path = text
    .slice(0, split)
    .split('.')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const document = parseDocument(text.slice(split + 1), { prettyErrors: false, stringKeys: true });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault) throw new ConfigError(`-s ${text}: ${fault.message}; quote the value`);
  return { text, path, value: document.toJS({ maxAliasCount: 0 }) };
}

/**
 * Sets the override in `root`, in place; missing mappings on the way are made. Names are checked later, with the file's.
 * @throws ConfigError where the path runs through a value that has no parts
 */
export function applyOverride(root: Record<string, unknown>, { text, path, value }: Override): void {
  let node = root;
  for (const [depth, step] of path.entries()) {
    if (depth === path.length - 1) {
      if (value === null) delete node[step];
      else define(node, step, value);
      return;
    }
    if (!Object.hasOwn(node, step)) define(node, step, {});
    const next = node[step];
    if (typeof next !== 'object' || next === null) {
      throw new ConfigError(`-s ${text}: ${path.slice(0, depth + 1).join('.')} is not a mapping or list`);
    }
    node = next as Record<string, unknown>;
  }
}

/** Always an own property, also for `__proto__`, which is then refused as unknown. */
function define(node: Record<string, unknown>, key: string | number, value: unknown): void {
  Object.defineProperty(node, key, { value, writable: true, enumerable: true, configurable: true });
}
