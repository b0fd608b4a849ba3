/** Runs a prediction as a job: the same result as the response would have been, from files and into files. */
import type { FastifyBaseLogger } from 'fastify';
import type { ServiceConfig } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { DiskRoom } from '../jobs/DiskRoom.ts';
import type { Job } from '../jobs/Job.ts';
import type { JobWork } from '../jobs/JobRunner.ts';
import { recordingPath, resultPath } from '../jobs/spool.ts';
import { withPendingRows } from '../predictionLog/PendingRows.ts';
import type { InferenceContext } from './context.ts';
import { JobResult } from './JobResult.ts';
import type { PredictionQuery, RecordingResult } from './predictionBody.ts';
import { predictRecording } from './predictRecording.ts';

/** More would fill the memory: each clip costs some hundred bytes with its scores. Ten days of clips of 5 s are fewer. */
const maxClips = 200_000;

const route = '/v1/predictions';

/** Each costs some hundred bytes in memory and in every format of the result. */
const maxDetections = 1_000_000;

/** Runs jobs whose folder is `dir`. */
export function predictionJob(
  context: InferenceContext,
  { dir, maxFileBytes, maxDurationS }: ServiceConfig['jobs'] & { readonly dir: string },
  room: DiskRoom,
  logger: FastifyBaseLogger,
): JobWork['run'] {
  const limits = { maxFileBytes, maxDurationS };
  return async (job, { signal, onProgress }) => {
    const { requestId, files, receiveMs } = job.request;
    const query = job.request.query as PredictionQuery;
    const log = logger.child({ job: job.id, requestId });
    const requester = { id: requestId, url: route, routeOptions: { url: route }, socket: signal, log };
    const storedFiles = files.map((file, index) => ({ ...file, source: recordingPath(dir, job.id, index) }));
    const upload = { files: storedFiles, receiveMs };
    const jobResult = await JobResult.open({
      pathOf: (format) => resultPath(dir, job, format),
      requestId,
      names: files.map(({ name }) => name),
      query,
      take: (bytes) => room.take(bytes),
    });
    try {
      // An attempt that is broken off leaves no rows: the next one begins again.
      await withPendingRows(context.log, async (rows) => {
        let doneS = 0;
        for (const part of files.keys()) {
          let totalS = 0;
          const result = await predictRecording(context, {
            requester,
            upload,
            part,
            query,
            rows,
            job: { limits, signal, draw: drawOf(job, part) },
            onProgress: ({ done, total }) => {
              totalS = total;
              checkClips(context, query, done);
              onProgress({ doneS: doneS + done, totalS: doneS + total, recordingsDone: part });
            },
          });
          checkDetections(result);
          doneS += totalS;
          onProgress({ doneS, totalS: doneS, recordingsDone: part + 1 });
          await jobResult.add(result);
          signal.throwIfAborted();
        }
        await jobResult.end();
      });
    } finally {
      await jobResult.close();
    }
  };
}

/** The same for every attempt, and spread evenly over the recordings of a job. */
function drawOf({ id }: Job, part: number): number {
  return (Number.parseInt(id.slice(0, 8), 16) / 2 ** 32 + part * 0.618_033_988_75) % 1;
}

/** @throws HttpProblem 413 */
function checkDetections(result: RecordingResult): void {
  if ('error' in result || result.prediction.detections.length <= maxDetections) return;
  throw new HttpProblem(
    413,
    'too_many_detections',
    `More than ${maxDetections} detections in ${result.prediction.recording}: raise min_score, or lower top_k`,
  );
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
