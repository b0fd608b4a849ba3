import { problemResponse } from '../../../http/errors.ts';

/** Codes of RFC 6455 that a connection is closed with. */
export const closeCodes = {
  done: 1000,
  goingAway: 1001,
  unsupported: 1003,
  policy: 1008,
  failed: 1011,
  tryLater: 1013,
} as const;
type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** Room of a close frame. */
const maxReasonBytes = 123;

/** Why a connection is ended from our side. */
export class Ending extends Error {
  readonly closeCode: CloseCode;
  readonly code: string;

  constructor(closeCode: CloseCode, code: string, message: string) {
    super(message);
    this.closeCode = closeCode;
    this.code = code;
  }
}

/** What an error of the service is to a client. */
export function asEnding(error: unknown): Ending {
  if (error instanceof Ending) return error;
  const { status, body } = problemResponse(error);
  const message = error instanceof Error && status < 500 ? error.message : 'Something went wrong in the service';
  if (status < 500) return new Ending(closeCodes.policy, body.code, message);
  if (status === 503) return new Ending(closeCodes.tryLater, body.code, (error as Error).message);
  return new Ending(closeCodes.failed, body.code, message);
}

/** A text that fits into a close frame. */
export function shortened(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.byteLength <= maxReasonBytes) return text;
  // A character that was cut in two is left out.
  return new TextDecoder('utf-8')
    .decode(bytes.subarray(0, maxReasonBytes - 3))
    .replace(/�+$/, '')
    .concat('…');
}
