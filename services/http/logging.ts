/** Structured logs: JSON lines that Cloud Logging understands (severity, httpRequest, trace), without keys or cookies. */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { type DestinationStream, type LoggerOptions, pino } from 'pino';

const severities: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger to standard output, or to `destination`. */
export function createLogger(level: LogLevel, destination?: DestinationStream) {
  const options: LoggerOptions = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ severity: severities[label] ?? 'DEFAULT' }) },
    redact: ['req.headers.authorization', 'req.headers["x-api-key"]', 'req.headers.cookie'],
  };
  // Not line by line: while one write is under way the next lines gather. What is left is written at the process's end.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: false }));
}

/** Requests are logged at `info`; above it their lines need not be made. */
export function logsRequests({ level }: Pick<FastifyBaseLogger, 'level'>): boolean {
  return ['trace', 'debug', 'info'].includes(level);
}

/** What Cloud Logging shows of a request. Without the client's address and the query: logs must not hold them. */
export function httpRequest(
  request: FastifyRequest,
  reply: FastifyReply,
): Readonly<Record<string, string | number | undefined>> {
  const requestSize = request.headers['content-length'];
  const responseSize = reply.getHeader('content-length');
  return {
    requestMethod: request.method,
    requestUrl: request.url.split('?', 1)[0] as string,
    requestSize,
    status: reply.statusCode,
    responseSize: responseSize?.toString(),
    latency: `${(reply.elapsedTime / 1000).toFixed(6)}s`,
  };
}
