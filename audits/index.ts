export * from './attestation/index.ts';
export * from './report/index.ts';
