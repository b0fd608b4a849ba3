/** `/v1/models`: what is loaded, of which version, and where it comes from. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { HttpProblem } from '../../http/HttpProblem.ts';
import type { InferenceContext } from '../context.ts';
import type { ModelState } from '../ModelStore.ts';

export function modelRoutes(app: FastifyInstance, { models }: InferenceContext): void {
  const tags = ['models'];
  app.get('/v1/models', { schema: { tags, summary: 'The models, loaded or not' } }, async () => ({
    models: models.list().map((state) => summary(state)),
  }));
  app.get<{ Params: { name: string } }>(
    '/v1/models/:name',
    {
      schema: {
        tags,
        summary: 'One model: what it knows and what it was trained on',
        params: Type.Object({ name: Type.String() }),
      },
    },
    async ({ params: { name } }) => {
      const state = models.list().find((each) => each.name === name);
      if (state === undefined) throw new HttpProblem(404, 'unknown_model', `There is no model ${name}`);
      return { ...summary(state), ...details(state) };
    },
  );
}

function summary({ name, weight, shadow, loaded, error }: ModelState): object {
  return {
    name,
    version: loaded?.version ?? null,
    weight,
    shadow,
    loaded_at: loaded?.loadedAt.toISOString() ?? null,
    // Also beside a loaded model: a newer file may have been refused.
    error,
  };
}

function details({ loaded }: ModelState): object {
  if (loaded === null) return {};
  const { metadata } = loaded.classifier;
  const { labels, noEventLabels, features, clips, aggregation, calibration, dataset, progress, versions } = metadata;
  return {
    labels,
    no_event_labels: noEventLabels,
    sample_rate_hz: features.sampleRateHz,
    bands: { count: features.nMels, min_hz: features.fMinHz, max_hz: features.fMaxHz },
    clips: { length_s: clips.lengthS, hop_s: clips.hopS },
    aggregation,
    temperature: calibration.temperature,
    lineage: {
      dataset: { id: dataset.id, name: dataset.name, split: dataset.split, split_hash: dataset.splitHash ?? null },
      licences: dataset.licences,
      counts: dataset.counts,
      epoch: progress.bestEpoch,
      best_metric: progress.bestMetric,
      trained_at: versions.createdAt,
      autobird: versions.autobird,
      libtorch: versions.libtorch,
    },
  };
}
