export { openDownstreamJob, requireSameLabels, type DownstreamJob } from './downstream.ts';
export { fewestCompared } from './likeness.ts';
export { prepareQuality, type Quality, type QualityMeasure } from './quality.ts';
export { labelledRequests, labelShares, promptedRequests, type TextRequest } from './requests.ts';
export { sheetOf, writeRows, writeSheets, type Making, type Sheet } from './sheet.ts';
export { completesPrompts, openSource, type Source } from './source.ts';
export { writeTexts } from './texts.ts';
