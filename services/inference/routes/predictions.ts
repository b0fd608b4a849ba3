/** `POST /v1/predictions`: scores, detections, embeddings and pictures of one recording or several. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Progress } from '../../../src/index.ts';
import { problemResponse } from '../../http/errors.ts';
import { documented } from '../../http/openApi.ts';
import { audioField, type Received, receiveAudio } from '../../http/receiveAudio.ts';
import type { Jobs } from '../../jobs/Jobs.ts';
import { withPendingRows } from '../../predictionLog/PendingRows.ts';
import type { InferenceContext } from '../context.ts';
import {
  contentTypes,
  type PredictionQuery,
  predictionQuery,
  predictionsSchema,
  recordingResultToJson,
  resultsAsText,
} from '../predictionBody.ts';
import { predictRecording } from '../predictRecording.ts';
import { acceptedFormat } from './acceptedFormat.ts';
import { jobSchema, prefersJob, respondWithJob } from './jobBody.ts';

const binary = { type: 'string', format: 'binary' } as const;

export function predictionRoutes(app: FastifyInstance, context: InferenceContext, jobs: Jobs | null): void {
  app.post<{ Querystring: PredictionQuery }>(
    '/v1/predictions',
    {
      config: {
        openApiBody: {
          'multipart/form-data': {
            type: 'object',
            required: [audioField],
            properties: { [audioField]: { type: 'array', minItems: 1, items: binary } },
          },
          'audio/*': binary,
        },
      },
      schema: {
        tags: ['predictions'],
        summary: 'Predict the birds in recordings',
        description:
          'Several recordings may be sent; one that cannot be read costs its own row. `Accept` chooses JSON, `text/csv`, ' +
          "`text/tab-separated-values` (Raven's selection table) or `text/event-stream` (progress, then each result). With " +
          '`Prefer: respond-async` it becomes a job, which may be much longer.',
        headers: Type.Object({
          prefer: Type.Optional(Type.String({ description: '`respond-async`: make it a job (RFC 7240).' })),
        }),
        querystring: predictionQuery,
        produces: ['application/json', 'text/csv', 'text/tab-separated-values', 'text/event-stream'],
        response: {
          200: documented('The results, in the order of the recordings', predictionsSchema),
          202: jobSchema,
        },
      },
    },
    async (request, reply) => {
      const format = acceptedFormat(request);
      if (jobs !== null && prefersJob(request)) return await respondWithJob(context, jobs, request, reply);
      const upload = await receiveAudio(request, context.config.limits, context.uploads);
      if (format === 'events') {
        const events = Readable.from(eventStream(context, request, upload), { objectMode: false });
        // Also where the client has left before the first event: the generator never begins then.
        events.once('close', () => upload[Symbol.dispose]());
        return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
      }
      try {
        const results = await withPendingRows(context.log, (rows) =>
          Promise.all(
            upload.files.map((_file, part) =>
              predictRecording(context, { requester: request, upload, part, query: request.query, rows }),
            ),
          ),
        );
        if (format !== 'json')
          return reply.type(contentTypes[format]).send(resultsAsText(results, format, request.query));
        const predictions = results.map((result) => recordingResultToJson(result, request.query));
        return reply.type('application/json').send(JSON.stringify({ request_id: request.id, predictions }));
      } finally {
        upload[Symbol.dispose]();
      }
    },
  );
}

type PredictionRequest = FastifyRequest<{ Querystring: PredictionQuery }>;

/** `progress` events while it predicts, a `prediction` or `error` event a recording, then `done`. */
async function* eventStream(
  context: InferenceContext,
  request: PredictionRequest,
  upload: Received,
): AsyncGenerator<string, void> {
  for (const [part, file] of upload.files.entries()) {
    const progress: Progress[] = [];
    let wake = () => {};
    const onProgress = (step: Progress) => {
      progress.push(step);
      wake();
    };
    const work = predictRecording(context, { requester: request, upload, part, query: request.query, onProgress }).then(
      (result) => event('error' in result ? 'error' : 'prediction', recordingResultToJson(result, request.query)),
      (error) => event('error', { recording: file.name, ...problemResponse(error).body }),
    );
    let finished: string | undefined;
    const done = work.then((text) => {
      finished = text;
      wake();
    });
    while (finished === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (progress.length > 0 || finished !== undefined) resolve();
      });
      // Older progress is left out where the client reads slowly.
      const newest = progress.splice(0).at(-1);
      if (newest !== undefined)
        yield event('progress', { recording: file.name, done_s: newest.done, total_s: newest.total });
    }
    await done;
    yield finished;
  }
  yield event('done', { request_id: request.id });
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
