import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../../http/HttpProblem.ts';

const formats = new Map([
  ['application/json', 'json'],
  ['text/csv', 'csv'],
  ['text/tab-separated-values', 'raven'],
  ['text/event-stream', 'events'],
] as const);
export type ResponseFormat = 'json' | 'csv' | 'raven' | 'events';

/**
 * What `Accept` prefers, JSON where anything will do.
 *
 * @throws HttpProblem 406
 */
export function acceptedFormat(request: FastifyRequest): ResponseFormat {
  const known = [...formats.keys()];
  const type = request.accepts().type(known);
  const format = formats.get(type as (typeof known)[number]);
  if (format !== undefined) return format;
  throw new HttpProblem(
    406,
    'not_acceptable',
    `Expected one of ${known.join(', ')} for Accept but received ${request.headers.accept}`,
  );
}
