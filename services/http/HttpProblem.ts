export interface HttpProblemOptions {
  /** Seconds after which trying again makes sense. */
  readonly retryAfterS?: number | undefined;
  /** The part of the request that is at fault (`['body', 'audio']`): the body is then FastAPI's list of details. */
  readonly loc?: readonly (string | number)[];
}

/** What a request is refused with: a status, a sentence that says what to do, and a stable code for machines. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly options: HttpProblemOptions;

  constructor(status: number, code: string, message: string, options: HttpProblemOptions = {}) {
    super(message);
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
    this.options = options;
  }
}
