/** `/v1/jobs/{id}`: how far a job is, its result, and its end. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { HttpProblem } from '../../http/HttpProblem.ts';
import { documented } from '../../http/openApi.ts';
import { isOver, type Job } from '../../jobs/Job.ts';
import type { Jobs } from '../../jobs/Jobs.ts';
import { resultPath } from '../../jobs/spool.ts';
import { contentTypes, predictionsSchema } from '../predictionBody.ts';
import { acceptedFormat } from './acceptedFormat.ts';
import { jobSchema, jobToJson } from './jobBody.ts';

/** How often a job is read while a client receives its events. */
const eventEveryMs = 500;
/** Proxies close connections on which nothing is sent for about a minute. */
const maxSilenceMs = 15_000;

interface JobRoute {
  readonly Params: { readonly id: string };
}

const params = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) });

export function jobRoutes(app: FastifyInstance, jobs: Jobs | null): void {
  const tags = ['jobs'];
  const known = (id: string): { readonly job: Job; readonly jobs: Jobs } => {
    const job = jobs?.get(id) ?? null;
    if (jobs === null || job === null) throw unknownJob(id);
    return { job, jobs };
  };
  app.get<JobRoute>(
    '/v1/jobs/:id',
    { schema: { tags, summary: 'How far a job is', params, response: { 200: jobSchema } } },
    async ({ params: { id } }, reply) => {
      const { job, jobs } = known(id);
      reply.header('cache-control', 'no-store');
      return jobToJson(job, jobs);
    },
  );
  app.get<JobRoute>(
    '/v1/jobs/:id/result',
    {
      schema: {
        tags,
        summary: 'The result of a job',
        description:
          'What the response to the request would have been: `Accept` chooses JSON, `text/csv` or `text/tab-separated-values`. ' +
          '409 while the job is not done or where it failed, 410 where it was cancelled.',
        params,
        produces: ['application/json', 'text/csv', 'text/tab-separated-values'],
        response: { 200: documented('The results, in the order of the recordings', predictionsSchema) },
      },
    },
    async (request, reply) => {
      const format = acceptedFormat(request);
      if (format === 'events') {
        throw new HttpProblem(406, 'not_acceptable', `Events of a job are at /v1/jobs/${request.params.id}/events`);
      }
      const { job, jobs } = known(request.params.id);
      if (job.status === 'cancelled') throw new HttpProblem(410, 'cancelled', 'The job was cancelled: send it again');
      if (job.status === 'failed') {
        throw new HttpProblem(409, job.error?.code ?? 'failed', `The job failed: ${job.error?.message ?? ''}`);
      }
      if (job.status !== 'succeeded') {
        throw new HttpProblem(409, 'not_done', `The job is ${job.status}: request /v1/jobs/${job.id} again`);
      }
      const path = resultPath(jobs.dir, job, format);
      const { size } = await stat(path).catch(() => {
        // Deleted a moment ago.
        throw unknownJob(job.id);
      });
      return reply.type(contentTypes[format]).header('content-length', size).send(createReadStream(path));
    },
  );
  app.get<JobRoute>(
    '/v1/jobs/:id/events',
    {
      schema: {
        tags,
        summary: 'How far a job is, as it goes on',
        description: '`job` events, each with all of the job, whenever it has changed; the last one says how it ended.',
        params,
        produces: ['text/event-stream'],
      },
    },
    async ({ params: { id } }, reply) => {
      const { jobs } = known(id);
      const events = Readable.from(jobEvents(jobs, id), { objectMode: false });
      return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
    },
  );
  app.delete<JobRoute>(
    '/v1/jobs/:id',
    {
      schema: {
        tags,
        summary: 'Cancel a job, and delete its recordings and its result',
        description: 'A job that was not over is `cancelled` from then on; one that was is forgotten.',
        params,
        response: { 204: Type.Null() },
      },
    },
    async ({ params: { id } }, reply) => {
      const deleted = (await jobs?.delete(id)) ?? null;
      if (deleted === null) throw unknownJob(id);
      return reply.code(204).send();
    },
  );
}

async function* jobEvents(jobs: Jobs, id: string): AsyncGenerator<string, void> {
  let last = '';
  let sinceSentMs = 0;
  while (!jobs.stopping.aborted) {
    const job = jobs.get(id);
    if (job === null) return;
    const data = JSON.stringify(jobToJson(job, jobs));
    if (data !== last) yield `event: job\ndata: ${data}\n\n`;
    else if (sinceSentMs >= maxSilenceMs) yield ':\n\n';
    sinceSentMs = data === last && sinceSentMs < maxSilenceMs ? sinceSentMs + eventEveryMs : 0;
    last = data;
    if (isOver(job)) return;
    await sleep(eventEveryMs, undefined, { signal: jobs.stopping }).catch(() => {});
  }
}

function unknownJob(id: string): HttpProblem {
  return new HttpProblem(
    404,
    'unknown_job',
    `There is no job ${id}: it may have been deleted, or its retention time is over`,
  );
}
