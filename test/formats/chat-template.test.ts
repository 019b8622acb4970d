import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readChatTemplate, type ChatMessage } from '../../src/formats/index.ts';

interface Case {
  template: string;
  messages: ChatMessage[];
  addGenerationPrompt: boolean;
  rendered: string | { error: string };
}
const golden = JSON.parse(readFileSync(new URL('../golden/formats/chats.json', import.meta.url), 'utf8')) as {
  templates: Record<string, string>;
  cases: Case[];
};
const root = mkdtempSync(join(tmpdir(), 'dptune-chat-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function templateOf(text: string | object[] | undefined) {
  const config = {
    bos_token: '<s>',
    eos_token: { content: '</s>' },
    ...(text !== undefined && { chat_template: text }),
  };
  writeFileSync(join(root, 'tokenizer_config.json'), JSON.stringify(config));
  return readChatTemplate(root);
}

async function rendered(
  text: string,
  { messages, addGenerationPrompt }: Pick<Case, 'messages' | 'addGenerationPrompt'>,
) {
  try {
    return (await templateOf(text))!(messages, { addGenerationPrompt });
  } catch (error) {
    return { error: (error as Error).message.replace('chat template: ', '') };
  }
}

describe('conversations are written as transformers writes them', () => {
  test.each(golden.cases.map((each, index) => [`${index}: ${each.template}`, each] as const))(
    '%s',
    async (_, each) => {
      expect(await rendered(golden.templates[each.template]!, each)).toEqual(each.rendered);
    },
  );
});

describe('a template', () => {
  const hello = {
    messages: [{ role: 'user', content: 'hello' }] as ChatMessage[],
    addGenerationPrompt: false,
  };

  test('in a file of its own comes first, the default one of several next, and a model may have none', async () => {
    expect(await templateOf(undefined)).toBeUndefined();
    const several = [
      { name: 'tools', template: 'x' },
      { name: 'default', template: 'y' },
    ];
    expect((await templateOf(several))!([], hello)).toBe('y');
    writeFileSync(join(root, 'chat_template.jinja'), 'own {{ messages[0].content }}');
    expect((await templateOf(several))!(hello.messages, hello)).toBe('own hello');
    rmSync(join(root, 'chat_template.jinja'));
  });

  test.each([
    ['{% macro a() %}{% endmacro %}', 'statement macro is not known here.'],
    ['{{ messages | shuffle }}', 'filter shuffle is not known here.'],
    ['{{ 1 is odd }}', 'test odd is not known here.'],
    ['{{ strftime_now("%Y") }}', 'calls what is not known here.'],
    ['{{ absent.field }}', 'field of what is not defined.'],
    ['{{ messages }}', 'prints a list or a mapping. Only text can be printed here.'],
    ['{% if true %}', 'endif is missing.'],
    ['{{ 1 + }}', '"1 +" cannot be read at "".'],
    ['{{ "a"', '{{ "a" is not closed.'],
    ['{{ "}}" }', 'an expression is not closed by }}.'],
  ])('%s is refused', async (text, error) => {
    expect(await rendered(text, hello)).toEqual({ error });
  });
});
