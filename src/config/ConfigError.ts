import { AutobirdError } from '../../bindings/errors.ts';

/** A configuration that cannot be used; the message shows every mistake at once, a line each. */
export class ConfigError extends AutobirdError {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    const lines = mistakes.map((mistake) => `  ${mistake.replaceAll('\n', '\n    ')}`);
    super('config', `${count} in the configuration:\n${lines.join('\n')}`, options);
    this.mistakes = mistakes;
  }
}
