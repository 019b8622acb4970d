export { collectReport } from './collect.ts';
