/** `POST /v1/predictions`: scores, detections, embeddings and pictures of one recording or several. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Progress } from '../../../src/index.ts';
import { problemAnswer } from '../../http/errors.ts';
import { audioField, type Received, type ReceivedFile, receiveAudio } from '../../http/receiveAudio.ts';
import type { InferenceContext } from '../context.ts';
import { listen } from '../listen.ts';
import {
  acceptedFormat,
  type Outcome,
  outcomesAsText,
  outcomeToJson,
  type PredictionQuery,
  predictionQuery,
  predictionsSchema,
} from './predictionBody.ts';

const contentTypes = { csv: 'text/csv; charset=utf-8', raven: 'text/tab-separated-values; charset=utf-8' } as const;

const binary = { type: 'string', format: 'binary' } as const;

export function predictionRoutes(app: FastifyInstance, context: InferenceContext): void {
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
        summary: 'What is heard in recordings',
        description:
          'Several recordings may be sent; one that cannot be read costs its own row. `Accept` chooses JSON, `text/csv`, ' +
          "`text/tab-separated-values` (Raven's selection table) or `text/event-stream` (progress, then each answer).",
        querystring: predictionQuery,
        produces: ['application/json', 'text/csv', 'text/tab-separated-values', 'text/event-stream'],
        response: { 200: documented(predictionsSchema) },
      },
    },
    async (request, reply) => {
      const format = acceptedFormat(request);
      const upload = await receiveAudio(request, context.config.limits, context.uploads);
      if (format === 'events') {
        const events = Readable.from(eventStream(context, request, upload), { objectMode: false });
        return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
      }
      try {
        const outcomes = await Promise.all(
          upload.files.map((_file, part) => outcomeOf(context, request, upload, part)),
        );
        if (format !== 'json')
          return reply.type(contentTypes[format]).send(outcomesAsText(outcomes, format, request.query));
        const predictions = outcomes.map((outcome) => outcomeToJson(outcome, request.query));
        return reply.type('application/json').send(JSON.stringify({ request_id: request.id, predictions }));
      } finally {
        upload[Symbol.dispose]();
      }
    },
  );
}

type PredictionRequest = FastifyRequest<{ Querystring: PredictionQuery }>;

/** @throws for the one recording of a request what is wrong with it: a row of its own is for several */
async function outcomeOf(
  context: InferenceContext,
  request: PredictionRequest,
  upload: Received,
  part: number,
  onProgress?: (progress: Progress) => void,
): Promise<Outcome> {
  const { model: name, top_k: topK, min_score: minScore, overlap_s: overlapS, merge } = request.query;
  const { signal } = request;
  const { files } = upload;
  const file = files[part] as ReceivedFile;
  const options = {
    request,
    upload,
    part,
    model: name,
    ...(topK !== undefined && { topK }),
    ...(minScore !== undefined && { minScore }),
    ...(overlapS !== undefined && { overlapS }),
    ...(merge !== undefined && { merge }),
    ...(onProgress !== undefined && { onProgress }),
  };
  try {
    return await listen(context, options, async ({ model, prediction }) => {
      const { embeddings = false, spectrogram = false } = request.query;
      const { classifier } = model;
      const overlap = overlapS === undefined ? {} : { overlapS };
      return {
        model,
        prediction,
        ...(embeddings && { embedding: (await classifier.embed(file.bytes, { signal, ...overlap })).embedding }),
        ...(spectrogram && { spectrogram: await classifier.spectrogram(file.bytes, { signal }) }),
      };
    });
  } catch (error) {
    const { status, body } = problemAnswer(error);
    if (files.length === 1 || status >= 500) throw error;
    return { recording: file.name, error: { code: body.code, message: (error as Error).message } };
  }
}

/** `progress` events while it listens, a `prediction` or `error` event a recording, then `done`. */
async function* eventStream(
  context: InferenceContext,
  request: PredictionRequest,
  upload: Received,
): AsyncGenerator<string, void> {
  using _held = upload;
  for (const [part, file] of upload.files.entries()) {
    const progress: Progress[] = [];
    let wake = () => {};
    const work = outcomeOf(context, request, upload, part, (step) => {
      progress.push(step);
      wake();
    }).then(
      (outcome) => event('error' in outcome ? 'error' : 'prediction', outcomeToJson(outcome, request.query)),
      (error) => event('error', { recording: file.name, ...problemAnswer(error).body }),
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
      // Only the newest counts where the client reads slowly.
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

/** A schema that is shown but does not serialize: what is sent is text already. */
function documented(schema: object): object {
  return { description: 'The answers, in the order of the recordings', content: { 'application/json': { schema } } };
}
