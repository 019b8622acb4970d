import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How prompts were written in the training of a run; empty for any other model. */
interface PromptForm {
  readonly separator?: string;
  readonly chat?: true;
}

/** @param path - run directory or its release; anything else has no form */
export async function promptFormOf(path: string): Promise<PromptForm> {
  const plan = [join(path, 'release', 'plan.json'), join(path, 'plan.json')].find((file) => existsSync(file));
  return plan === undefined ? {} : (JSON.parse(await readFile(plan, 'utf8')) as PromptForm);
}

/** What is unlike training in how a prompt is given, and the remedy; nothing where it is alike. */
export function unlikeTraining(
  { separator = '', chat }: PromptForm,
  prompt: string,
  asChat: boolean,
): string | undefined {
  if (chat) return asChat ? undefined : "the model learnt a user's turns: --chat gives prompts as such";
  return asChat || prompt.endsWith(separator)
    ? undefined
    : `the model learnt prompts that end in ${JSON.stringify(separator)}, and this one does not`;
}
