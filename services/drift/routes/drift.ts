/** `/v1/drift`: the newest rows, the windows over time, the alarm. */
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { TrendPoint } from '../../../src/service.ts';
import type { DriftMonitor } from '../DriftMonitor.ts';
import type { Sides } from '../Evaluator.ts';
import { answered } from '../problem.ts';

const query = Type.Object(
  { sample_n: Type.Optional(Type.Integer({ minimum: 0, description: 'So many current rows are drawn (0: all).' })) },
  { additionalProperties: false },
);
const trendQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'The newest windows (100).' })) },
  { additionalProperties: false },
);
const nullableString = Type.Union([Type.String(), Type.Null()]);
const alarmSchema = Type.Object({
  raised: Type.Boolean(),
  since: nullableString,
  why: nullableString,
  columns: Type.Array(Type.String()),
  levels: Type.Array(Type.Number()),
  raise_at: Type.Number(),
  clear_below: Type.Number(),
  windows: Type.Integer(),
  of: Type.Integer(),
  model_version: nullableString,
});

export function driftRoutes(
  app: FastifyInstance,
  monitor: DriftMonitor,
  alarm: { readonly raiseAt: number; readonly clearBelow: number; readonly windows: number; readonly of: number },
): void {
  const tags = ['drift'];
  app.get<{ Querystring: Static<typeof query> }>(
    '/v1/drift',
    {
      schema: {
        tags,
        summary: 'The newest rows against the reference',
        description:
          "Evidently's dictionaries under `metrics`; effect sizes, corrected tests, classes, confidence and, where both sides have them, embeddings.",
        querystring: query,
      },
    },
    async ({ query: { sample_n: sampleN = 0 } }) => {
      const { json, from, to } = await answered(monitor.compare({ sampleN }));
      return { ...sidesToJson(monitor.sides), from, to, alarm: monitor.alarm.raised, ...json };
    },
  );
  app.get<{ Querystring: Static<typeof trendQuery> }>(
    '/v1/drift/trend',
    { schema: { tags, summary: 'Windows that have ended, the newest last', querystring: trendQuery } },
    async ({ query: { limit = 100 } }) => ({
      ...sidesToJson(monitor.sides),
      windows: monitor.windows(limit).map(({ point }) => pointToJson(point)),
    }),
  );
  app.get(
    '/v1/drift/alarm',
    { schema: { tags, summary: 'Is the alarm raised, since when, and why', response: { 200: alarmSchema } } },
    async () => {
      const { raised, since, why, columns, levels } = monitor.alarm;
      const { raiseAt: raise_at, clearBelow: clear_below, windows, of } = alarm;
      const model_version = monitor.sides?.modelVersion ?? null;
      return { raised, since, why, columns, levels, raise_at, clear_below, windows, of, model_version };
    },
  );
}

function sidesToJson(sides: Sides | null): object {
  return {
    reference: sides?.reference.source ?? null,
    current: sides?.current.source ?? null,
    model_version: sides?.modelVersion ?? null,
  };
}

function pointToJson(point: TrendPoint): object {
  return {
    from: point.from,
    to: point.to,
    rows: point.rows,
    share_of_drifted_columns: point.shareOfDriftedColumns,
    dataset_drift: point.datasetDrift,
    drifted_columns: point.driftedColumns,
    alarm: point.alarm,
    confidence_mean: point.confidenceMean,
    effects: point.effects,
  };
}
