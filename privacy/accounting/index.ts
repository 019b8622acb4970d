export type { Answer, Budget, DeltaAnswer, Direction, Grid, Interval, Method } from './answer.ts';
export { accountantVersion } from './answer.ts';
export { calibrate } from './calibration.ts';
export type { CalibrationOptions } from './calibration.ts';
export { epsilonCurve, firstSteps } from './curve.ts';
export { validateEvent } from './event-validation.ts';
export type { DpEvent, Relation } from './events.ts';
export { relations } from './events.ts';
export { epsilonOf } from './query.ts';
