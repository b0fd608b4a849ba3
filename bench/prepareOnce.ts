/**
 * One preparation by the reference recipe in a process of its own, up to what training starts from: shards, filtered
 * clips, statistics. Prints one JSON line. `node --import tsx bench/prepareOnce.ts RAW OUT`
 */
import { basename, dirname } from 'node:path';
import { ShardSet } from '../bindings/index.ts';
import { composeConfig } from '../src/config/compose.ts';
import { prepareDataset } from '../src/data/prepare.ts';
import { makeTrainingSet } from '../src/training/trainingSet.ts';
import { watchAnonymousMemory } from './memory.ts';

const [raw, out] = process.argv.slice(2);
if (raw === undefined || out === undefined) throw new Error('Usage: prepareOnce.ts RAW OUT');
const { config } = composeConfig([
  'experiment=reference',
  `data.raw_dir=${raw}`,
  `data.root=${dirname(out)}`,
  `data.name=${basename(out)}`,
  'split.val_ratio=0',
  'split.test_ratio=0',
  'clips.min_clips_per_class=0',
]);

const memory = watchAnonymousMemory();
const begin = performance.now();
const dataset = await prepareDataset(config);
const preparedS = (performance.now() - begin) / 1000;
using shards = await ShardSet.open(await dataset.shardEntries(dataset.recordings), config.features);
const set = await makeTrainingSet({
  ...config,
  recordings: dataset.recordings,
  shards,
  sampleRateHz: config.features.sampleRateHz,
  labels: dataset.manifest.labels,
  noEventLabels: dataset.manifest.noEventLabels,
  threads: 2,
});
console.log(
  JSON.stringify({
    work_s: (performance.now() - begin) / 1000,
    prepare_s: preparedS,
    files: dataset.manifest.counts.files,
    audio_s: dataset.manifest.counts.durationS,
    clips: set.counts.reduce((sum, { clips }) => sum + clips, 0),
    anonymous_peak_bytes: memory.stop(),
    mean: [...set.statistics.mean],
    std: [...set.statistics.std],
  }),
);
