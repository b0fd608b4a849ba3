import { Trainer } from '../../bindings/index.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { composeConfig } from '../../src/index.ts';

/** Classes of the set that the original system was made for. */
const classes = 20;

/**
 * A checkpoint of the reference network as it is before training, with the reference's features and clips: its
 * predictions mean nothing, and cost what a trained one's do.
 */
export async function writeReferenceModel(path: string): Promise<void> {
  const { config } = composeConfig(['experiment=reference', 'data.raw_dir=.']);
  const { model, features, clips } = config;
  const labels = Array.from({ length: classes }, (_, i) => `species ${i}`);
  const statistics = {
    mean: new Float32Array(features.nMels).fill(-6),
    std: new Float32Array(features.nMels).fill(3),
  };
  using trainer = await Trainer.create(
    {
      model,
      features,
      classes,
      statistics,
      optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
      gradClip: 0,
      emaDecay: 0,
      seed: 1,
      device: 'cpu',
      precision: 'f32',
      threads: 1,
      loaderThreads: 1,
    },
    null,
  );
  await writeCheckpoint(path, {
    tensors: await trainer.exportState(false),
    statistics,
    metadata: {
      labels,
      noEventLabels: [],
      features,
      model: { ...model, stemChannels: [...model.stemChannels] },
      clips: { lengthS: clips.lengthS, hopS: clips.hopS, padLast: clips.padLast },
      score: 'softmax',
      aggregation: 'majority',
      calibration: { temperature: 1 },
      config: {},
      progress: { epoch: 1, step: 1, bestMetric: null, bestEpoch: 1, finished: true, history: [] },
      dataset: { id: '0123456789abcdef', name: 'none', split: 'none', counts: [], leftOut: [], licences: [] },
      versions: {
        autobird: '0.1.0',
        libtorch: '2.11.0',
        node: process.versions.node,
        createdAt: new Date().toISOString(),
      },
    },
  });
}
