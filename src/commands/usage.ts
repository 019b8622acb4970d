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
 * What yargs found wrong, as value, constraint and remedy.
 * @param fault - yargs' own words (version 18, English)
 * @param name - the command, where one was given
 */
export function usageError(
  fault: string,
  args: readonly string[],
  name: string | undefined,
  module: CommandModule<CommonArguments, CommonArguments> | undefined,
): DptuneError {
  const help = name === undefined ? 'dptune --help' : `dptune ${name} --help`;
  const usage = module === undefined ? 'dptune <command>' : `dptune ${String(module.command)}`;
  const part = (pattern: RegExp) => pattern.exec(fault)?.[1];

  const unknown = part(/^Unknown arguments?: ([^,]+)/);
  const missing = part(/^Missing required arguments?: ([^,]+)/);
  const empty = part(/^Not enough arguments following: (.+)/);
  const choice = /Argument: (.+), Given: "(.*)", Choices: (.+)/.exec(fault);
  return new DptuneError('usage', message());

  function message(): string {
    if (fault.startsWith('Not enough non-option')) return `an argument is missing: ${usage}; see ${help}`;
    if (missing !== undefined) return `--${missing}: is missing; see ${help}`;
    if (empty !== undefined) return `--${empty}: needs a value; see ${help}`;
    if (choice)
      return `--${choice[1]}=${choice[2]}: must be one of ${choice[3]!.replaceAll('"', '')}; see ${help}`;
    if (unknown === undefined) return `${fault.trim()}; see ${help}`;
    if (args.includes(unknown)) return `${unknown}: is one argument too many; see ${help}`;
    const dashes = unknown.length === 1 ? '-' : '--';
    return `${dashes}${unknown}: is unknown; ${meant(unknown, optionsOf(module), help, '--')}`;
  }
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
