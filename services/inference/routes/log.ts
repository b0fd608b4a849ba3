/** `/v1/log`: what was predicted, to be searched, exported and deleted. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { HttpProblem } from '../../http/HttpProblem.ts';
import { allowLongWork } from '../../http/longRequests.ts';
import { snakeCase } from '../../predictionLog/columns.ts';
import type { LogFilter, LoggedPrediction } from '../../predictionLog/entry.ts';
import { fullCsv, originalCsv, parquet } from '../../predictionLog/exportLog.ts';
import { eachPage, type LogPlace, type LogReader } from '../../predictionLog/LogReader.ts';
import { withoutNul } from '../predictionBody.ts';

/** The time of a row and its id. */
const placePattern = '^-?\\d{1,15}_\\d{1,15}$';

const text = Type.Optional(Type.String({ pattern: withoutNul }));
const filterFields = {
  request_id: text,
  file_name: text,
  file_sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  label: text,
  place: text,
  model_version: text,
  since: Type.Optional(Type.String({ format: 'date-time' })),
  until: Type.Optional(Type.String({ format: 'date-time' })),
};
const filterQuery = Type.Object(filterFields, { additionalProperties: false });
const listQuery = Type.Object(
  {
    ...filterFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    before: Type.Optional(Type.String({ pattern: placePattern })),
  },
  { additionalProperties: false },
);
const exportQuery = Type.Object(
  {
    ...filterFields,
    format: Type.Optional(Type.Union([Type.Literal('csv'), Type.Literal('original'), Type.Literal('parquet')])),
  },
  { additionalProperties: false },
);
type FilterQuery = Static<typeof filterQuery>;

const tags = ['log'];
// Rows name the files and places of all clients: the role "predict" is not enough.
const config = { role: 'manage' } as const;

/** Null: the service keeps no log. */
export function readingLogRoutes(app: FastifyInstance, history: LogReader | null): void {
  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/v1/log',
    {
      config,
      schema: {
        tags,
        summary: 'Predictions, newest first; `before` is `next` of the page before, which is null after the last',
        querystring: listQuery,
      },
    },
    async ({ query: { limit = 100, before, ...filter } }) => {
      const after = before === undefined ? undefined : placeOf(before);
      const { rows, next } = await loggedOrThrow(history).page(filterOf(filter), { limit, order: 'DESC', after });
      return { predictions: rows.map(rowToJson), next: next === null ? null : `${next.timeMs}_${next.id}` };
    },
  );
  app.get<{ Querystring: Static<typeof exportQuery> }>(
    '/v1/log/export',
    { config, schema: { tags, summary: "As CSV, the original system's CSV, or Parquet", querystring: exportQuery } },
    async ({ query: { format = 'csv', ...filter } }, reply) => {
      const pages = eachPage(loggedOrThrow(history), filterOf(filter));
      const name = `predictions.${format === 'parquet' ? 'parquet' : 'csv'}`;
      reply.header('content-disposition', `attachment; filename="${name}"`);
      if (format === 'parquet') {
        return reply.type('application/vnd.apache.parquet').send(Readable.from(parquet(pages), { objectMode: false }));
      }
      const text = format === 'original' ? originalCsv(pages) : fullCsv(pages);
      return reply.type('text/csv; charset=utf-8').send(Readable.from(text, { objectMode: false }));
    },
  );
}

export function deletingLogRoutes(app: FastifyInstance, history: LogReader | null): void {
  app.delete<{ Querystring: FilterQuery }>(
    '/v1/log',
    { schema: { tags, summary: 'Delete for good: by request, file, label, model or time', querystring: filterQuery } },
    async (request) => {
      const { query } = request;
      if (Object.keys(query).length === 0) {
        throw new HttpProblem(
          422,
          'missing',
          'Say what to delete: request_id, file_name, file_sha256, label, place, model_version, since, until',
        );
      }
      // Half a million rows take a minute or two.
      using _long = allowLongWork(request);
      return { deleted: await loggedOrThrow(history).delete(filterOf(query)) };
    },
  );
}

function placeOf(text: string): LogPlace {
  const [timeMs, id] = text.split('_').map(Number) as [number, number];
  return { timeMs, id };
}

function loggedOrThrow(history: LogReader | null): LogReader {
  if (history === null) throw new HttpProblem(409, 'no_log', 'This service keeps no log (service.log.path)');
  return history;
}

function filterOf(query: FilterQuery): LogFilter {
  return {
    requestId: query.request_id,
    fileName: query.file_name,
    fileSha256: query.file_sha256,
    label: query.label,
    place: query.place,
    modelVersion: query.model_version,
    since: query.since === undefined ? undefined : new Date(query.since),
    until: query.until === undefined ? undefined : new Date(query.until),
  };
}

function rowToJson({ driftFeatures, trueLabel, ...row }: LoggedPrediction): object {
  return {
    ...Object.fromEntries(Object.entries(row).map(([key, value]) => [snakeCase(key), value])),
    drift_features:
      driftFeatures === null
        ? null
        : Object.fromEntries(Object.entries(driftFeatures).map(([key, value]) => [snakeCase(key), value])),
    true_label: trueLabel,
  };
}
