export { collectReport } from './collect.ts';
export { writeReport, type WrittenReport } from './write.ts';
