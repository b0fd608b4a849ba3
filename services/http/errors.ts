/** What went wrong, as an answer: FastAPI's bodies (`{"detail": …}`), and a status that says whose fault it is. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AudioError, AutobirdError, InvalidArgumentError } from '../../src/index.ts';
import { HttpProblem } from './HttpProblem.ts';
import { type ValidationDetail, validationDetails } from './validationDetail.ts';

export interface ProblemAnswer {
  readonly status: number;
  readonly body: { readonly detail: string | readonly ValidationDetail[]; readonly code: string };
  readonly retryAfterS?: number | undefined;
}

/** Stable codes of the library that have a status of their own; audio that cannot be read is 422. */
const statusByCode: Readonly<Record<string, number>> = {
  too_large: 413,
  too_long: 413,
  unsupported_codec: 415,
  not_found: 404,
  overloaded: 503,
  log_unavailable: 503,
  deadline_exceeded: 504,
  decode_budget_exceeded: 413,
  ratio_too_large: 413,
};

/** The answer for anything that a handler threw; 500 for what nobody expected. */
export function problemAnswer(error: unknown): ProblemAnswer {
  if (error instanceof HttpProblem) {
    const { status, code, message, options } = error;
    if (options.loc !== undefined) return located(status, code, options.loc, message);
    return answer(status, code, message, options.retryAfterS);
  }
  if (error instanceof AutobirdError) {
    const known = statusByCode[error.code];
    const { retryAfterS } = error as { readonly retryAfterS?: number };
    if (known !== undefined) return answer(known, error.code, error.message, retryAfterS);
    if (error instanceof AudioError) return located(422, error.code, ['body', 'audio'], error.message);
    if (error instanceof InvalidArgumentError) return located(422, error.code, ['query'], error.message);
  }
  const { validation, validationContext, statusCode, code, message } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const detail = validationDetails(validation as Parameters<typeof validationDetails>[0], validationContext);
    return { status: 422, body: { detail, code: 'validation' } };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, codeOf(code), message ?? 'Bad Request');
  }
  return answer(500, 'internal', 'Internal Server Error');
}

function answer(status: number, code: string, detail: string, retryAfterS?: number): ProblemAnswer {
  return { status, body: { detail, code }, retryAfterS };
}

function located(status: number, code: string, loc: readonly (string | number)[], msg: string): ProblemAnswer {
  return { status, body: { detail: [{ type: code, loc, msg }], code } };
}

function codeOf(code: string | undefined): string {
  return code === undefined ? 'bad_request' : code.replace(/^FST_(ERR_)?/, '').toLowerCase();
}

/** Makes every error of `app` such an answer, and logs those that are ours. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (error, request, reply) => sendProblem(error, request, reply, (body) => body));
  app.setNotFoundHandler(async (request, reply) => notFound(app, request, reply));
}

/** Answers an error; `bodyOf` writes it down as the clients of these routes know it. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyOf: (body: ProblemAnswer['body']) => object,
): FastifyReply {
  const { status, body, retryAfterS } = problemAnswer(error);
  if (status >= 500 && body.code === 'internal') request.log.error({ err: error }, 'A request failed');
  if (retryAfterS !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterS))));
  // What is left of a refused upload is not read: the connection cannot be used for another request.
  if (status === 413 || (refusedUnread.has(status) && hasBody(request))) reply.header('connection', 'close');
  return reply.code(status).send(bodyOf(body));
}

/** By the headers alone, before the body (./protect.ts). */
const refusedUnread: ReadonlySet<number> = new Set([401, 403, 429, 503]);

function hasBody({ raw, headers }: FastifyRequest): boolean {
  return !raw.complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);
}

function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = (request.url.split('?')[0] ?? '/').replace(/(.)\/$/, '$1');
  const urls = [path, `${path}/`];
  const allowed = (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter((method) =>
    urls.some((url) => app.hasRoute({ method, url })),
  );
  if (allowed.length === 0) return reply.code(404).send({ detail: 'Not Found' });
  return reply.code(405).header('allow', allowed.join(', ')).send({ detail: 'Method Not Allowed' });
}
