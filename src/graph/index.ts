export type * from './ir.ts';
export { GraphBuilder } from './builder.ts';
export { canonicalDim, evaluateDim, productDim, quotientDim, showShape, symbolsOf } from './dims.ts';
