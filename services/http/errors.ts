/** Errors as responses: FastAPI's bodies (`{"detail": …}`), and a status of 4xx for the client's mistakes, 5xx for ours. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AudioError, AutobirdError, InvalidArgumentError } from '../../src/index.ts';
import { HttpProblem } from './HttpProblem.ts';
import { type ValidationDetail, validationDetails } from './validationDetail.ts';

export interface ProblemResponse {
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
  too_many_jobs: 503,
  disk_full: 507,
  cut_short: 400,
  deadline_exceeded: 504,
  decode_budget_exceeded: 413,
  ratio_too_large: 413,
};

/** The response for anything that a handler threw; 500 for unexpected errors. */
export function problemResponse(error: unknown): ProblemResponse {
  if (error instanceof HttpProblem) {
    const { status, code, message, options } = error;
    if (options.loc !== undefined) return located(status, code, options.loc, message);
    return plain(status, code, message, options.retryAfterS);
  }
  if (error instanceof AutobirdError) {
    const known = statusByCode[error.code];
    const { retryAfterS } = error as { readonly retryAfterS?: number };
    if (known !== undefined) return plain(known, error.code, error.message, retryAfterS);
    if (error instanceof AudioError) return located(422, error.code, ['body', 'audio'], error.message);
    if (error instanceof InvalidArgumentError) return located(422, error.code, ['query'], error.message);
  }
  const { validation, validationContext, statusCode, code, message } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const detail = validationDetails(validation as Parameters<typeof validationDetails>[0], validationContext);
    return { status: 422, body: { detail, code: 'validation' } };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return plain(statusCode, codeOf(code), message ?? 'Bad Request');
  }
  return plain(500, 'internal', 'Internal Server Error');
}

function plain(status: number, code: string, detail: string, retryAfterS?: number): ProblemResponse {
  return { status, body: { detail, code }, retryAfterS };
}

function located(status: number, code: string, loc: readonly (string | number)[], msg: string): ProblemResponse {
  return { status, body: { detail: [{ type: code, loc, msg }], code } };
}

function codeOf(code: string | undefined): string {
  return code === undefined ? 'bad_request' : code.replace(/^FST_(ERR_)?/, '').toLowerCase();
}

/** Makes a body in the form that the clients of these routes know. */
type BodyOf = (body: Pick<ProblemResponse['body'], 'detail'>) => object;

/** Has every error of `app` sent so, in FastAPI's bodies where `bodyOf` makes no others; unexpected ones are logged. */
export function handleErrors(app: FastifyInstance, bodyOf: BodyOf = (body) => body): void {
  app.setNotFoundHandler(async (request, reply) => sendUnrouted(request, reply, bodyOf));
  app.setErrorHandler(async (error, request, reply) =>
    // The body of a request without a route is not read, so that errors about the body do not matter.
    request.is404 && isOfFastify(error)
      ? sendUnrouted(request, reply, bodyOf)
      : sendProblem(error, request, reply, bodyOf),
  );
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, bodyOf: BodyOf): FastifyReply {
  const { status, body, retryAfterS } = problemResponse(error);
  if (status >= 500 && body.code === 'internal') request.log.error({ err: error }, 'A request failed');
  if (retryAfterS !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterS))));
  if (status === 413 || (refusedUnread.has(status) && hasUnreadBody(request))) closeAfter(reply);
  return reply.code(status).send(bodyOf(body));
}

function sendUnrouted(request: FastifyRequest, reply: FastifyReply, bodyOf: BodyOf): FastifyReply {
  if (hasUnreadBody(request)) closeAfter(reply);
  const methods = request.server.methodsAt(request.url);
  // Where the route serves this method, it is one of files that has found none.
  const hasMethod = methods.includes(request.method === 'HEAD' ? 'GET' : request.method);
  if (hasMethod || methods.length === 0) return reply.code(404).send(bodyOf({ detail: 'Not Found' }));
  reply.code(405).header('allow', methods.join(', '));
  return reply.send(bodyOf({ detail: 'Method Not Allowed' }));
}

function isOfFastify(error: unknown): boolean {
  return String((error as Partial<FastifyError>).code).startsWith('FST_ERR_');
}

/** By the headers alone, before the body (./protect.ts). */
const refusedUnread: ReadonlySet<number> = new Set([401, 403, 429, 503, 507]);

function hasUnreadBody({ raw, headers }: FastifyRequest): boolean {
  return !raw.complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);
}

/** What is left of a refused upload is not read: the connection cannot be used for another request. */
function closeAfter(reply: FastifyReply): void {
  reply.header('connection', 'close');
}
