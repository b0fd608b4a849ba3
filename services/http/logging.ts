/** Structured logs: JSON lines that Cloud Logging understands (severity, trace), without keys or cookies. */
import type { FastifyRequest } from 'fastify';
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

/**
 * The trace that a request belongs to: W3C `traceparent` or Cloud Run's `x-cloud-trace-context`, in Cloud Logging's fields
 * where `GOOGLE_CLOUD_PROJECT` says whose it is.
 */
export function traceFields(request: FastifyRequest): Readonly<Record<string, string>> {
  // Both are rare, and patterns cost more than looking.
  if (request.headers['traceparent'] === undefined && request.headers['x-cloud-trace-context'] === undefined) return {};
  const parent = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-/.exec(String(request.headers['traceparent'] ?? ''));
  const cloud = /^([\da-f]{32})(?:\/(\d+))?/.exec(String(request.headers['x-cloud-trace-context'] ?? ''));
  const trace = parent?.[1] ?? cloud?.[1];
  if (trace === undefined) return {};
  const project = process.env['GOOGLE_CLOUD_PROJECT'];
  const name = project === undefined ? trace : `projects/${project}/traces/${trace}`;
  const span = parent?.[2];
  return {
    'logging.googleapis.com/trace': name,
    ...(span !== undefined && { 'logging.googleapis.com/spanId': span }),
  };
}
