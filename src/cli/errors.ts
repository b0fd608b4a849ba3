import { AutobirdError } from '../../bindings/errors.ts';

/** The command line itself is wrong: exit code 2. */
export class UsageError extends AutobirdError {
  constructor(message: string) {
    super('usage', message);
  }
}

export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
