import type { CommandModule } from 'yargs';
import { DptuneError } from '../../privacy/errors.ts';
import type { CommonArguments } from './output.ts';
import { unknownCommand } from './usage.ts';

/** A command of a command, such as `budget show`. */
export type Action<T extends CommonArguments = CommonArguments> = CommandModule<CommonArguments, T>;

export interface ActionArguments extends CommonArguments {
  readonly action?: string;
}

/** No action, or a misspelt one. */
export function unknownAction(
  command: string,
  action: string | undefined,
  actions: readonly Action[],
): DptuneError {
  const names = actions.map((one) => String(one.command).split(' ')[0]!);
  if (action !== undefined) return unknownCommand(action, names);
  return new DptuneError('usage', `action: is missing; dptune ${command} ${names.join('|')}, see --help`);
}
