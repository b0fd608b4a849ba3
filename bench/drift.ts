/**
 * How often drift is called where there is none, and how soon where there is: windows of recordings, as they are and
 * degraded, each against the other recordings of the dataset.
 *
 *     node --import tsx bench/drift.ts data/pr19 [--windows 200] [--rows 100]
 */
import { parseArgs } from 'node:util';
import { LogMel, ShardSet } from '../bindings/index.ts';
import { composeConfig } from '../src/config/compose.ts';
import { Dataset } from '../src/data/dataset.ts';
import type { Recording } from '../src/domain.ts';
import { Alarm } from '../src/drift/alarm.ts';
import type { DriftRow } from '../src/drift/DriftRows.ts';
import { detectDrift } from '../src/drift/detectDrift.ts';
import { driftFeatureNames } from '../src/drift/recordingRows.ts';
import { randomFor } from '../src/random.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { windows: { type: 'string', default: '200' }, rows: { type: 'string', default: '100' } },
});
const [dir] = positionals;
if (dir === undefined) throw new Error('Expected the folder of a prepared dataset: bench/drift.ts data/NAME');
const [windowCount, windowRows] = [Number(flags.windows), Number(flags.rows)];

const dataset = await Dataset.open(dir);
const { config } = composeConfig([
  'data.raw_dir=.',
  `features.sample_rate_hz=${dataset.manifest.sampleRateHz}`,
  'features.f_max_hz=8000',
]);
const { features } = config;
const clipSamples = 5 * features.sampleRateHz;

type Change = (samples: Float32Array, seed: number) => Float32Array;

const changes: Readonly<Record<string, Change>> = {
  unchanged: (samples) => samples,
  'gain -12 dB': (samples) => samples.map((value) => value * 10 ** (-12 / 20)),
  'noise, 10 dB SNR': (samples, seed) => {
    const random = randomFor(7, 'drift noise', seed);
    const level = rms(samples) * 10 ** (-10 / 20);
    return samples.map((value) => value + level * random.normal());
  },
  'low-pass 3 kHz': (samples) => lowPass(lowPass(samples, 3000), 3000),
};

const { recordings } = dataset;
const referenceRows = recordings.length - windowRows;
if (referenceRows < 20)
  throw new Error(`Expected at least ${windowRows + 20} recordings but ${dir} has ${recordings.length}`);
const same = changes['unchanged'] as Change;
const asTheyAre = await clipRows(recordings, same);

console.log(
  `${dataset.manifest.name}: ${windowCount} draws of ${windowRows} recordings of ${recordings.length}, each against the other ${referenceRows}`,
);
console.log(
  '| the window | drift called | windows until drift, mean | windows until alarm (2 of 3), mean | some corrected p ≤ 0.05 |',
);
console.log('| --- | --- | --- | --- | --- |');
for (const [name, change] of Object.entries(changes)) {
  const clips = change === same ? asTheyAre : await clipRows(recordings, change);
  report(name, (chosen) => chosen.map((i) => averaged(clips[i] as DriftRow[])), averaged);
}
// Clips of one recording are alike: as rows they count evidence several times over.
report('unchanged, clips as rows', (chosen) => chosen.flatMap((i) => asTheyAre[i] as DriftRow[]), null);

/** `window` gives the rows of recordings; the reference is always unchanged. */
function report(
  name: string,
  window: (recordings: number[]) => DriftRow[],
  rowOf: ((clips: readonly DriftRow[]) => DriftRow) | null,
): void {
  const results = Array.from({ length: windowCount }, (_, draw) => {
    const order = [...randomFor(11, 'drift draw', draw).permutation(recordings.length)];
    const before = order.slice(windowRows).flatMap((i) => {
      const clips = asTheyAre[i] as DriftRow[];
      return rowOf ? [rowOf(clips)] : clips;
    });
    return detectDrift(before, window(order.slice(0, windowRows)));
  });
  const called = results.map(({ drift }) => drift.datasetDrift);
  const corrected = results.filter((one) => one.corrected.some(({ drifted }) => drifted)).length;
  const alarms = results.map((_, from) => {
    const alarm = new Alarm();
    return results.slice(from).findIndex(({ drift }) => alarm.add(drift.shareOfDriftedColumns).raised);
  });
  const delays = results.map((_, from) => called.slice(from).indexOf(true));
  const share = (count: number) => `${((100 * count) / windowCount).toFixed(1)} %`;
  console.log(
    `| ${name} | ${share(called.filter(Boolean).length)} | ${meanWait(delays)} | ${meanWait(alarms)} | ${share(corrected)} |`,
  );
}

/** Of those who begin to look at any window; who begins near the end and sees none does not count. */
function meanWait(waits: readonly number[]): string {
  const seen = waits.filter((wait) => wait >= 0);
  if (seen.length === 0) return 'never';
  return (seen.reduce((sum, wait) => sum + wait + 1, 0) / seen.length).toFixed(1);
}

function averaged(clips: readonly DriftRow[]): DriftRow {
  const mean = (name: string) => clips.reduce((sum, { values }) => sum + (values[name] as number), 0) / clips.length;
  return { values: Object.fromEntries(driftFeatureNames.map((name) => [name, mean(name)])) };
}

/** The clips of each recording. */
async function clipRows(of: readonly Recording[], change: Change): Promise<DriftRow[][]> {
  using shards = await ShardSet.open(await dataset.shardEntries(of), features);
  using logMel = new LogMel(features);
  const rows: DriftRow[][] = [];
  for (const [i, { sampleCount }] of of.entries()) {
    const samples = change(await shards.readPcm(i, 0, sampleCount), i);
    const count = Math.max(1, Math.floor(samples.length / clipSamples));
    const starts = Float64Array.from({ length: count }, (_, clip) => clip * clipSamples);
    const four = await logMel.driftFeatures(samples, starts, clipSamples);
    const own = Array.from(starts, (_, clip): DriftRow => {
      const values = driftFeatureNames.map((name, f) => [name, four[4 * clip + f] as number]);
      return { values: Object.fromEntries(values) };
    });
    rows.push(own);
  }
  return rows;
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, value) => sum + value ** 2, 0) / samples.length);
}

/** A Butterworth section of second order (Robert Bristow-Johnson's cookbook, Q = 0.7071). */
function lowPass(samples: Float32Array, cutoffHz: number): Float32Array {
  const w = (2 * Math.PI * cutoffHz) / features.sampleRateHz;
  const alpha = Math.sin(w) / Math.SQRT2;
  const [b1, a0, a1, a2] = [1 - Math.cos(w), 1 + alpha, -2 * Math.cos(w), 1 - alpha];
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = ((b1 / 2) * x + b1 * x1 + (b1 / 2) * x2 - a1 * y1 - a2 * y2) / a0;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}
