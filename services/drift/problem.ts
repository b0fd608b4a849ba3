import { AutobirdError } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';

/** What is missing for a comparison may be there later: 503, with the sentence that says what it is. */
const retryAfterS: Readonly<Record<string, number>> = {
  not_ready: 10,
  no_reference: 30,
  no_log: 30,
  not_found: 30,
  log_unavailable: 5,
  too_few_rows: 60,
  evaluator_gone: 1,
  overloaded: 1,
};

/** Gives what `work` gives; what it throws for want of something is a 503. @throws HttpProblem */
export async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AutobirdError)) throw error;
    const { code, message } = error;
    throw code === 'internal'
      ? new Error(message)
      : new HttpProblem(503, code, message, { retryAfterS: retryAfterS[code] ?? 30 });
  }
}
