/** What went wrong, in the terms of the exit codes; only `src/cli.ts` turns a code into one. */
export type ErrorCode =
  | 'usage'
  | 'config'
  | 'data'
  | 'budget'
  | 'drift'
  | 'violation'
  | 'inconclusive'
  | 'verification'
  | 'interrupted';

/** Base of every error meant for the user. The message is `name=value`, the constraint, the remedy. */
export class DptuneError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A number or option outside its domain. */
export class InvalidParameterError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}

/** An event and neighbouring relation that no accountant here can bound; names the nearest supported question. */
export class UnsupportedEventError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
  }
}

/** No setting in the searched range meets the privacy target. */
export class CalibrationError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('config', message, options);
  }
}

/** Job file errors, all at once, each with file:line:column. */
export class ConfigError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('config', message, options);
  }
}

/** Data or model files that cannot be used as they are. */
export class DataError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('data', message, options);
  }
}

/** A resume or a plan that does not match what was started (G26). */
export class DriftError extends DptuneError {
  constructor(message: string, options?: ErrorOptions) {
    super('drift', message, options);
  }
}
