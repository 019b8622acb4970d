import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../privacy/errors.ts';
import { compileTemplate } from './jinja.ts';
import { isMap, textOf, valueOf, type Value } from './jinja-values.ts';
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from './json.ts';
import { tokenContent } from './tokenizer-rules.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Writes a conversation as the model was taught to read it, special tokens included. */
export type ChatTemplate = (
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
) => string;

/**
 * The chat template of a model: chat_template.jinja, or `chat_template` of tokenizer_config.json; undefined where it has
 * none. Templates are not told the date, so that those that ask for it write their own.
 * The function throws DataError for a template that uses what is not known here.
 */
export async function readChatTemplate(directory: string): Promise<ChatTemplate | undefined> {
  const configPath = join(directory, 'tokenizer_config.json');
  const config = existsSync(configPath)
    ? parseJsonObject(await readFile(configPath, 'utf8'), configPath)
    : {};
  const path = join(directory, 'chat_template.jinja');
  const text = existsSync(path) ? await readFile(path, 'utf8') : ownTemplate(config['chat_template']);
  if (text === undefined) return undefined;
  let render: ReturnType<typeof compileTemplate> | undefined;
  const specials = ['bos_token', 'eos_token', 'pad_token', 'unk_token'].flatMap((name): [string, Value][] => {
    const token = tokenContent(config[name]);
    return token === undefined ? [] : [[name, token]];
  });
  // Compiled when it is used: a job that does not converse need not care what its template asks for.
  return (messages, { addGenerationPrompt }) =>
    (render ??= compileTemplate(text))(
      new Map<string, Value>([
        ...specials,
        ['messages', valueOf(messages)],
        ['add_generation_prompt', addGenerationPrompt],
        ['tools', null],
        ['documents', null],
        ['namespace', (_, named) => new Map(Object.entries(named))],
        ['dict', (_, named) => new Map(Object.entries(named))],
        [
          'range',
          ([a, b]) =>
            Array.from(
              { length: Number(b ?? a) - (b === undefined ? 0 : Number(a)) },
              (_, at) => at + (b === undefined ? 0 : Number(a)),
            ),
        ],
        [
          'raise_exception',
          ([message]) => {
            throw new DataError(`chat template: ${isMap(message) ? '' : textOf(message)}`);
          },
        ],
      ]),
    );
}

/** A template, or of several named ones the default. */
function ownTemplate(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = (value as readonly Json[]).filter(isJsonObject) as readonly JsonObject[];
  const template = named.find(({ name }) => name === 'default')?.['template'];
  return typeof template === 'string' ? template : undefined;
}
