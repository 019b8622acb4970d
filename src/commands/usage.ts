import yargs, { type Argv, type CommandModule } from 'yargs';
import { DptuneError } from '../../privacy/errors.ts';
import { suggestionFor } from '../config/index.ts';
import type { CommonArguments } from './output.ts';

const COMMON_OPTIONS = ['json', 'help', 'version'];

/** A misspelt command. */
export function unknownCommand(name: string, known: readonly string[]): DptuneError {
  return new DptuneError('usage', `command=${name}: is unknown; ${meant(name, known, 'dptune --help')}`);
}

/**
 * What yargs found wrong, with the remedy.
 * @param fault - yargs' own words
 * @param name - the command, where one was given
 */
export function usageError(
  fault: string,
  args: readonly string[],
  name: string | undefined,
  module: CommandModule<CommonArguments, CommonArguments> | undefined,
): DptuneError {
  const help = name === undefined ? 'dptune --help' : `dptune ${name} --help`;
  if (fault.startsWith('Not enough non-option')) {
    const usage = module === undefined ? 'dptune <command>' : `dptune ${String(module.command)}`;
    return new DptuneError('usage', `an argument is missing: ${usage}; see ${help}`);
  }
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(fault)?.[1];
  if (unknown === undefined) return new DptuneError('usage', `${fault.trim()}; see ${help}`);
  if (args.includes(unknown))
    return new DptuneError('usage', `${unknown}: is one argument too many; see ${help}`);
  const dashes = unknown.length === 1 ? '-' : '--';
  return new DptuneError(
    'usage',
    `${dashes}${unknown}: is unknown; ${meant(unknown, optionsOf(module), help, '--')}`,
  );
}

function meant(word: string, known: readonly string[], help: string, prefix = ''): string {
  const suggestion = suggestionFor(word, known);
  return suggestion === undefined ? `see ${help}` : `did you mean ${prefix}${suggestion}? See ${help}`;
}

function optionsOf(module: CommandModule<CommonArguments, CommonArguments> | undefined): readonly string[] {
  const builder = module?.builder;
  if (typeof builder !== 'function') return [...COMMON_OPTIONS, ...Object.keys(builder ?? {})];
  const probe = yargs([]) as unknown as Argv<CommonArguments>;
  void builder(probe);
  // Public at run time but absent from the published types.
  const { key } = (probe as unknown as { getOptions(): { key: Record<string, unknown> } }).getOptions();
  return [...COMMON_OPTIONS, ...Object.keys(key)];
}
