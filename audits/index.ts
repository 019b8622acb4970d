export * from './attestation/index.ts';
export * from './report/index.ts';
export * from './statistics/index.ts';
