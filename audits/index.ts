export * from './attestation/index.ts';
export { releaseTexts } from './release-texts.ts';
export * from './report/index.ts';
export * from './statistics/index.ts';
