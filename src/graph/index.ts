export type * from './ir.ts';
export { GraphBuilder } from './builder.ts';
export { canonicalDim, evaluateDim, productDim, quotientDim, showShape, symbolsOf } from './dims.ts';
export type { Clipping } from '../../privacy/index.ts';
export {
  plainGradient,
  privateGradient,
  ruleKey,
  type GradientRequest,
  type PrivateGradientRequest,
} from './gradient.ts';
