/** Every error that autobird throws on purpose. `code` is stable; `message` says what to do. */
export class AutobirdError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument or option has the wrong type or range. */
export class InvalidArgumentError extends AutobirdError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_argument', message, options);
  }
}

/** Audio that cannot be read; `code` says why (`empty_file`, `not_audio`, `truncated`, `too_long`, `unsupported_codec`, …). */
export class AudioError extends AutobirdError {}

/** A checkpoint, shard or manifest that is damaged or of an unknown version. */
export class FormatError extends AutobirdError {}

/** The addon or LibTorch is missing, broken or of another version. */
export class NativeLoadError extends AutobirdError {
  constructor(message: string, options?: ErrorOptions) {
    super('native_load', message, options);
  }
}

/** LibTorch itself failed (`native_failure`), or memory ran out (`out_of_memory`). */
export class NativeError extends AutobirdError {}

/** A handle was used after `dispose()`. */
export class DisposedError extends AutobirdError {
  constructor(what: string) {
    super('disposed', `${what} was disposed: make a new one before using it again`);
  }
}

/** There is more to do than may wait; nothing was begun. */
export class OverloadedError extends AutobirdError {
  /** Seconds after which what waits now should be done. */
  readonly retryAfterS: number;
  constructor(message: string, retryAfterS: number, options?: ErrorOptions) {
    super('overloaded', message, options);
    this.retryAfterS = retryAfterS;
  }
}

/** *Expected a positive integer for hopSamples but received -1 of type number* */
export function expected(what: string, name: string, received: unknown): InvalidArgumentError {
  const shown = typeof received === 'string' ? JSON.stringify(received) : String(received);
  return new InvalidArgumentError(`Expected ${what} for ${name} but received ${shown} of type ${typeof received}`);
}
