/** `/v1/runs`: training runs of a folder, how they learned and how well they do, also while they train. */
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { type ListedRun, listRuns, type RunSummary, summarizeRun } from '../../src/index.ts';
import { epochToJson, reportToJson } from '../../src/service.ts';
import { HttpProblem } from '../http/HttpProblem.ts';

const nullableNumber = Type.Union([Type.Number(), Type.Null()]);
const nullableString = Type.Union([Type.String(), Type.Null()]);

const summarySchema = Type.Object({
  id: Type.String({ description: 'Its folder below the root, with `~` for `/`.' }),
  created_at: Type.String(),
  state: Type.Union([Type.Literal('training'), Type.Literal('finished'), Type.Literal('stopped')]),
  dataset: nullableString,
  overrides: Type.Array(Type.String()),
  epochs: Type.Integer({ description: 'Validated so far.' }),
  planned_epochs: nullableNumber,
  val_accuracy: nullableNumber,
  test_accuracy: nullableNumber,
  test_balanced_accuracy: nullableNumber,
  damaged: Type.Array(Type.String({ description: 'Why a file of the run could not be read.' })),
});

const epochSchema = Type.Object({
  epoch: Type.Integer(),
  step: Type.Integer(),
  learning_rate: Type.Number(),
  train_loss: Type.Number(),
  train_accuracy: Type.Number(),
  val_loss: nullableNumber,
  val_accuracy: nullableNumber,
  val_balanced_accuracy: nullableNumber,
  samples_per_s: Type.Number(),
  duration_s: Type.Number(),
});

const listQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Runs of a response (50).' })),
    offset: Type.Optional(Type.Integer({ minimum: 0, description: 'Newer runs that are left out (0).' })),
  },
  { additionalProperties: false },
);
const idParams = Type.Object({ id: Type.String() });

/** Reports are pages that stand alone: their styles, pictures and sounds are inside, and nothing in them may run. */
const reportPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'none'; sandbox";

export function runRoutes(app: FastifyInstance, root: string): void {
  const tags = ['runs'];
  const note = (line: string) => app.log.warn({ root }, line);

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/v1/runs',
    {
      schema: {
        tags,
        summary: 'Training runs, newest first',
        querystring: listQuery,
        response: { 200: Type.Object({ total: Type.Integer(), runs: Type.Array(summarySchema) }) },
      },
    },
    async ({ query: { limit = 50, offset = 0 } }) => {
      const all = await listRuns(root, note);
      const runs: object[] = [];
      // One after another: a report may be large, and training beside it wants the disk too.
      for (const listed of all.slice(offset, offset + limit)) runs.push(summaryToJson(await summarizeRun(listed)));
      return { total: all.length, runs };
    },
  );

  app.get<{ Params: Static<typeof idParams> }>(
    '/v1/runs/:id',
    {
      schema: {
        tags,
        summary: 'One run with its epochs',
        params: idParams,
        response: { 200: Type.Object({ ...summarySchema.properties, metrics: Type.Array(epochSchema) }) },
      },
    },
    async ({ params: { id } }) => {
      const listed = await find(id);
      const [summary, metrics] = await Promise.all([summarizeRun(listed), listed.run.metrics().catch(() => [])]);
      return { ...summaryToJson(summary), metrics: metrics.map(epochToJson) };
    },
  );

  app.get<{ Params: Static<typeof idParams> }>(
    '/v1/runs/:id/report',
    { schema: { tags, summary: 'Its evaluation, as report.json holds it', params: idParams } },
    async ({ params: { id } }) => {
      const report = await (await find(id)).run.report();
      if (report === null) throw noReport(id);
      return reportToJson(report);
    },
  );

  app.get<{ Params: Static<typeof idParams> }>(
    '/v1/runs/:id/report.html',
    { schema: { tags, summary: 'Its report, for people', params: idParams, produces: ['text/html'] } },
    async ({ params: { id } }, reply) => {
      const { run } = await find(id);
      const html = await readFile(join(run.dir, 'report.html')).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw noReport(id);
        throw error;
      });
      // A page in a sandbox has an origin of its own, for which the other pages' promise does not hold.
      reply.removeHeader('origin-agent-cluster').header('content-security-policy', reportPolicy);
      return reply.type('text/html; charset=utf-8').send(html);
    },
  );

  /** Looked up among the runs that there are: no path is made of what a client says. */
  async function find(id: string): Promise<ListedRun> {
    const found = (await listRuns(root, note)).find(({ run }) => idOf(run.dir) === id);
    if (found === undefined)
      throw new HttpProblem(404, 'unknown_run', `There is no run ${id}: GET /v1/runs lists them`);
    return found;
  }

  const idOf = (dir: string): string => relative(root, dir).split(sep).join('~');

  function summaryToJson({ run, finished, isTraining, ...summary }: RunSummary): object {
    return {
      id: idOf(run),
      created_at: summary.createdAt,
      state: finished ? 'finished' : isTraining ? 'training' : 'stopped',
      dataset: summary.dataset,
      overrides: summary.overrides,
      epochs: summary.epochs,
      planned_epochs: summary.plannedEpochs,
      val_accuracy: summary.valAccuracy,
      test_accuracy: summary.testAccuracy,
      test_balanced_accuracy: summary.testBalancedAccuracy,
      // Paths of the server are not for clients.
      damaged: summary.damaged.map((line) => line.replaceAll(run, idOf(run))),
    };
  }
}

function noReport(id: string): HttpProblem {
  return new HttpProblem(404, 'no_report', `Run ${id} has no report yet: it is written when training ends`);
}
