export { renderBom } from './bom.ts';
export { envelopeFrom, isSignedBy, preAuthEncoding, type Envelope } from './dsse.ts';
export {
  attestTraining,
  trainingStatementOf,
  type Statement,
  type Subject,
  type TrainingPredicate,
} from './statement.ts';
