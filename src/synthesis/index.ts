export { openDownstreamJob, requireSameLabels } from './downstream.ts';
export { fewestCompared } from './likeness.ts';
export { prepareQuality, type Quality } from './quality.ts';
export { labelledRequests, labelShares, promptedRequests, type TextRequest } from './requests.ts';
export { sheetOf, writeRows, writeSheets, type Making } from './sheet.ts';
export { completesPrompts, openSource, type Source } from './source.ts';
export { writeTexts } from './texts.ts';
