import { flag, group, text, type TypeOf } from './schema-node.ts';

/** How a model that learnt to complete prompts is asked: `separator` and `chat` of plan.json. */
export const promptsSchema = group('How a model that learnt to complete prompts is asked.', {
  chat: flag("Whether a prompt is a user's turn of a conversation, by the model's chat template."),
  separator: text('Text that ends every prompt; empty in a conversation.'),
});

export type Prompts = TypeOf<typeof promptsSchema>;

/** How prompts look, for people. */
export function promptsInWords({ chat, separator }: Prompts): string {
  return chat
    ? "a user's turn of a conversation, by the model's chat template"
    : `ended by ${JSON.stringify(separator)}`;
}
