import { runtimeInfo } from '../../bindings/index.ts';
import type { CheckpointMetadata, EpochRecord } from '../checkpoint/metadata.ts';
import { type Config, configSchema } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { splitHash } from '../data/split.ts';
import type { Recording, Split } from '../domain.ts';
import { soundsOf } from '../evaluation/trainedOn.ts';
import { packageVersion } from '../packageRoot.ts';
import { metricOf } from '../run/bestRecord.ts';
import { encode } from '../schema/case.ts';
import type { TrainingSet } from './trainingSet.ts';
import type { Validation } from './validation.ts';

/** The metadata of a checkpoint of this epoch. */
export function checkpointMetadata(moment: {
  readonly config: Config;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly trainingSet: TrainingSet;
  readonly validation: Pick<Validation, 'aggregation' | 'temperature'>;
  /** All validated epochs up to now, and the best of them. */
  readonly history: readonly EpochRecord[];
  readonly best: EpochRecord;
  readonly finished: boolean;
}): CheckpointMetadata {
  const { config, dataset, split, trainingSet, validation, history, best } = moment;
  const { lengthS, hopS, padLast } = config.clips;
  const { labels } = trainingSet;
  const last = history.at(-1) as EpochRecord;
  const training = dataset.onSide(split, 'train');
  return {
    labels: [...labels],
    noEventLabels: dataset.manifest.noEventLabels.filter((label) => labels.includes(label)),
    features: config.features,
    model: config.model,
    clips: { lengthS, hopS, padLast },
    score: 'softmax',
    aggregation: validation.aggregation,
    calibration: { temperature: validation.temperature },
    config: encode(configSchema, config) as Record<string, unknown>,
    progress: {
      epoch: last.epoch,
      step: last.step,
      bestMetric: metricOf(best, config.training.metric),
      bestEpoch: best.epoch,
      finished: moment.finished,
      history: [...history],
    },
    dataset: {
      id: dataset.manifest.id,
      name: dataset.manifest.name,
      split: split.name,
      channel: dataset.manifest.channel ?? 'mean',
      splitHash: splitHash(split),
      trainedOn: soundsOf(training),
      selectedOn: soundsOf(dataset.onSide(split, 'val')),
      counts: [...trainingSet.counts],
      leftOut: [...trainingSet.leftOut],
      licences: countLicences(training),
    },
    versions: {
      autobird: packageVersion(),
      libtorch: runtimeInfo().torchLoaded,
      node: process.version,
      createdAt: new Date().toISOString(),
    },
  };
}

function countLicences(recordings: readonly Recording[]): CheckpointMetadata['dataset']['licences'] {
  const counts = new Map<string, number>();
  for (const { metadata } of recordings) {
    const { licence = 'not stated' } = metadata;
    counts.set(licence, (counts.get(licence) ?? 0) + 1);
  }
  return [...counts]
    .map(([licence, count]) => ({ licence, recordings: count }))
    .sort((a, b) => b.recordings - a.recordings || (a.licence < b.licence ? -1 : 1));
}
