/** A prediction as a job: the same answer as the request would have got, from files and into files. */
import { writeFile } from 'node:fs/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { ServiceConfig } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { Job } from '../jobs/Job.ts';
import type { JobWork } from '../jobs/JobRunner.ts';
import { recordingPath, resultPath } from '../jobs/spool.ts';
import type { InferenceContext } from './context.ts';
import { type Outcome, outcomesAsText, outcomeToJson, type PredictionQuery } from './predictionBody.ts';
import { outcomeOf } from './predictionOutcome.ts';

/** Each costs some hundred bytes with its scores: ten times those of a day in clips of five seconds. */
const maxClips = 200_000;

const route = '/v1/predictions';

/** Runs jobs whose folder is `dir`. */
export function predictionJob(
  context: InferenceContext,
  { dir, maxFileBytes, maxDurationS }: ServiceConfig['jobs'] & { readonly dir: string },
  logger: FastifyBaseLogger,
): JobWork['run'] {
  const limits = { maxFileBytes, maxDurationS };
  return async (job, { signal, onProgress }) => {
    const { requestId, files, receiveMs, query: asked } = job.request;
    const query = asked as PredictionQuery;
    const log = logger.child({ job: job.id, requestId });
    const requester = { id: requestId, url: route, routeOptions: { url: route }, socket: signal, log };
    const placed = files.map((file, index) => ({ ...file, source: recordingPath(dir, job.id, index) }));
    const upload = { files: placed, receiveMs };
    const logged = loggedParts(context, job);
    const outcomes: Outcome[] = [];
    let doneS = 0;
    for (const part of files.keys()) {
      let totalS = 0;
      const outcome = await outcomeOf(logged.has(part) ? { ...context, log: null } : context, {
        requester,
        upload,
        part,
        query,
        job: { limits, signal },
        onProgress: ({ done, total }) => {
          totalS = total;
          checkClips(context, query, done);
          onProgress({ doneS: doneS + done, totalS: doneS + total, recordingsDone: part });
        },
      });
      doneS += totalS;
      onProgress({ doneS, totalS: doneS, recordingsDone: part + 1 });
      outcomes.push(outcome);
    }
    const json = { request_id: requestId, predictions: outcomes.map((outcome) => outcomeToJson(outcome, query)) };
    const written = { signal, flush: true };
    // The model may be gone when the result is fetched: it is written in every format now.
    await writeFile(resultPath(dir, job, 'json'), JSON.stringify(json), written);
    await writeFile(resultPath(dir, job, 'csv'), outcomesAsText(outcomes, 'csv', query), written);
    await writeFile(resultPath(dir, job, 'raven'), outcomesAsText(outcomes, 'raven', query), written);
  };
}

/** @throws HttpProblem 413 before the scores of too many clips fill the memory */
function checkClips(
  { models }: InferenceContext,
  { model, overlap_s: overlapS }: PredictionQuery,
  doneS: number,
): void {
  // Which model was drawn is not known yet: the one with the most clips.
  const hops = models.list().flatMap(({ name, loaded }) => {
    if (loaded === null || (model !== undefined && name !== model)) return [];
    const { lengthS, hopS } = loaded.classifier.clips;
    return [overlapS === undefined ? hopS : lengthS - overlapS];
  });
  if (doneS / Math.min(...hops) > maxClips) {
    throw new HttpProblem(413, 'too_many_clips', `More than ${maxClips} clips: lower overlap_s, or cut the recording`);
  }
}

/** Recordings that were heard before the job was interrupted have their row already. */
function loggedParts({ log }: InferenceContext, { created, request: { requestId, files } }: Job): Set<number> {
  if (log === null) return new Set();
  const rows = log.list({ requestId, since: created }, { limit: 1000 });
  // Ids of requests are the clients' to choose: two jobs may have the same one.
  const ours = rows.filter(({ shadow, part, fileSha256 }) => !shadow && files[part]?.sha256 === fileSha256);
  return new Set(ours.map(({ part }) => part));
}
