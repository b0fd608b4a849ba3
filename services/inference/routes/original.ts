/** The routes of the system that autobird re-imagines, byte for byte: its clients keep working. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Prediction } from '../../../src/index.ts';
import { indexOfLargest } from '../../../src/service.ts';
import { audioField, receiveAudio } from '../../http/receiveAudio.ts';
import type { InferenceContext } from '../context.ts';
import { modelFiles } from '../ModelStore.ts';
import { predictAndLog } from '../predictAndLog.ts';

const greeting = {
  Hello: 'Welcome to AutoBird Inference API',
  Help: 'Use /classify/ endpoint to POST an audio file for classification.',
} as const;

export function originalRoutes(app: FastifyInstance, context: InferenceContext): void {
  const tags = ['original'];
  const files = atMostEvery(100, () => modelFiles(context.config.modelsDir).catch(() => []));
  app.get(
    '/',
    {
      schema: {
        tags,
        summary: 'Root',
        response: { 200: Type.Object({ Hello: Type.String(), Help: Type.String() }) },
      },
    },
    async () => greeting,
  );
  app.get(
    '/files/',
    {
      schema: {
        tags,
        summary: 'Files',
        description: 'Names of the model files, sorted.',
        response: { 200: Type.Object({ files: Type.Array(Type.String()) }) },
      },
    },
    async () => ({ files: await files() }),
  );
  app.post(
    '/classify/',
    {
      config: {
        openApiBody: {
          'multipart/form-data': {
            type: 'object',
            required: [audioField],
            properties: { [audioField]: { type: 'string', format: 'binary' } },
          },
        },
      },
      schema: {
        tags,
        summary: 'Classify',
        description:
          "The recording's top label under the checkpoint's aggregation; a no-event label where one wins, or where there is nothing but digital silence (no_event if the model has none).",
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      using upload = await receiveAudio(request, { ...context.config.limits, maxFiles: 1 }, context.uploads);
      const label = await predictAndLog(context, { request, upload, part: 0 }, async ({ prediction, model }) => {
        return prediction.topLabel ?? noEventOf(prediction, model.classifier.noEventLabels);
      });
      // The bare JSON string is written here: a serializer would send the text without its quotes.
      return reply.type('application/json').send(JSON.stringify(label));
    },
  );
}

/** `work`, done again only where its last result is older than `ms`: reading the disk costs more than the rest of the response. */
function atMostEvery<T>(ms: number, work: () => Promise<T>): () => Promise<T> {
  let doneAt = Number.NEGATIVE_INFINITY;
  let result: Promise<T>;
  return () => {
    const now = performance.now();
    if (now - doneAt > ms) {
      doneAt = now;
      result = work();
    }
    return result;
  };
}

/** What a recording without a top label is called: the no-event label that is best; of digital silence any that there is. */
function noEventOf({ labels, scores }: Prediction, noEventLabels: readonly string[]): string {
  const best = labels[indexOfLargest(scores)] as string;
  return noEventLabels.includes(best) ? best : (noEventLabels[0] ?? 'no_event');
}
