export { openingOf } from './opening.ts';
export { createTextStream } from './text-stream.ts';
export { openWriter, type Writer, type WriterOptions } from './writer.ts';
export { greedy, writeTokens, type WritingSettings } from './writing.ts';
