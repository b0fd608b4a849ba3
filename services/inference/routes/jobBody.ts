/** What a job looks like to clients, and how a prediction becomes one. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isOver, type Job, type JobStatus, jobStatuses } from '../../jobs/Job.ts';
import type { Jobs } from '../../jobs/Jobs.ts';
import type { InferenceContext } from '../context.ts';
import type { PredictionQuery } from '../predictionBody.ts';

const time = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);

export const jobSchema = Type.Object({
  id: Type.String(),
  request_id: Type.String({ description: 'Of the request that made it, and of its rows in the log.' }),
  status: Type.Unsafe<JobStatus>({ type: 'string', enum: [...jobStatuses] }),
  created_at: Type.String({ format: 'date-time' }),
  started_at: time,
  finished_at: time,
  expires_at: time,
  attempts: Type.Integer({ description: 'More than 1 where the service stopped in the middle of it.' }),
  recordings: Type.Array(Type.String()),
  progress: Type.Object({
    done_s: Type.Number({ description: 'Seconds predicted.' }),
    total_s: Type.Number({ description: 'Length of the recordings that were opened so far.' }),
    recordings_done: Type.Integer(),
    recordings: Type.Integer(),
  }),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
  links: Type.Object({ self: Type.String(), result: Type.String(), events: Type.String() }),
});

export function jobToJson(job: Job, { retentionMs }: Jobs): Static<typeof jobSchema> {
  const { id, status, created, started, finished, attempts, request, progress, error } = job;
  const self = `/v1/jobs/${id}`;
  return {
    id,
    request_id: request.requestId,
    status,
    created_at: created.toISOString(),
    started_at: started?.toISOString() ?? null,
    finished_at: finished?.toISOString() ?? null,
    expires_at: isOver(job) && finished !== null ? new Date(finished.getTime() + retentionMs).toISOString() : null,
    attempts,
    recordings: request.files.map(({ name }) => name),
    progress: {
      done_s: progress.doneS,
      total_s: progress.totalS,
      recordings_done: progress.recordingsDone,
      recordings: request.files.length,
    },
    error,
    links: { self, result: `${self}/result`, events: `${self}/events` },
  };
}

/** `Prefer: respond-async`, alone or among other preferences. */
export function prefersJob({ headers }: FastifyRequest): boolean {
  const { prefer } = headers;
  const given = (Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '')).toString();
  return given.split(',').some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
}

/** Receives the recordings as a job. @throws HttpProblem as `Jobs.submit`; 404 for a model that there is not */
export async function respondWithJob(
  { models }: InferenceContext,
  jobs: Jobs,
  request: FastifyRequest<{ Querystring: PredictionQuery }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { query } = request;
  // A wrong name fails the request, not the job.
  if (query.model !== undefined) models.lease(query.model, 0)[Symbol.dispose]();
  const job = jobToJson(await jobs.submit(request, query), jobs);
  return reply.code(202).header('location', job.links.self).header('preference-applied', 'respond-async').send(job);
}
