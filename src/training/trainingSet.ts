/**
 * What a split leaves to learn from: clips that pass the filters, classes with enough of them, statistics of exactly
 * those clips. It depends on the split, so it is computed when training starts and stored in the checkpoint.
 */
import { AutobirdError } from '../../bindings/errors.ts';
import type { CallOptions, ShardSet } from '../../bindings/index.ts';
import type { ClipTable, NormalisationStatistics } from '../../bindings/native.ts';
import type { AugmentConfig, ClipsConfig, TrainingConfig } from '../config/schema.ts';
import { clipTable, filterClips } from '../data/clips.ts';
import type { JobOptions, Label, Recording } from '../domain.ts';
import { type CropSource, Sampler, type Unit } from './sampler.ts';
import { type TrainingLength, trainingLength } from './trainingLength.ts';

/** Steps of the activity profile: fine enough for a call, coarse enough to be small. */
const PROFILE_STEP_S = 0.25;

export interface TrainingSetOptions extends JobOptions {
  /** The training recordings; index i is index i of `shards`. */
  readonly recordings: readonly Recording[];
  readonly shards: ShardSet;
  readonly sampleRateHz: number;
  /** All classes of the dataset. */
  readonly labels: readonly Label[];
  readonly noEventLabels: readonly Label[];
  readonly clips: ClipsConfig;
  readonly augment: AugmentConfig;
  readonly training: TrainingConfig;
  /** Threads for levels and statistics. */
  readonly threads: number;
}

export interface TrainingSet {
  /** The classes to learn, sorted. */
  readonly labels: readonly Label[];
  /** Training clips and recordings of each, in the order of `labels`. */
  readonly counts: readonly { readonly label: Label; readonly clips: number; readonly recordings: number }[];
  /** Classes of the dataset that cannot be learned, and why. */
  readonly leftOut: readonly { readonly label: Label; readonly reason: string }[];
  readonly statistics: NormalisationStatistics;
  readonly sampler: Sampler;
  readonly length: TrainingLength;
  readonly clipSamples: number;
  /** What was decided, a line each, for people. */
  readonly notes: readonly string[];
}

/**
 * @throws AutobirdError `nothing_to_learn` where fewer than two classes are left, saying what left the others out
 */
export async function makeTrainingSet(options: TrainingSetOptions): Promise<TrainingSet> {
  const { recordings, shards, clips, threads } = options;
  // As in prediction, a recording that is shorter than a clip has one, whatever `padLast` says.
  const all = clipTable(recordings, options.sampleRateHz, clips, { atLeastOne: true });
  const { table: audible, notes } = await filterByLevel(all, options);
  const { labels, leftOut } = chooseLabels(audible, options);
  const learned = new Map(labels.map((label, index) => [label, index]));
  const labelOf = (recording: number) => learned.get((recordings[recording] as Recording).label);
  const table = filterClips(audible, (row) => labelOf(audible.recording[row] as number) !== undefined);
  const units = Array.from(
    table.recording,
    (recording, row): Unit => ({
      recording,
      startSample: table.startSample[row] as number,
      label: labelOf(recording) as number,
    }),
  );
  options.onProgress?.({ stage: 'statistics', done: 0, total: 1 });
  const statistics = await shards.bandStatistics(table, threads, callOptions(options));
  const length = trainingLength(options.training, {
    clips: units.length,
    recordings: new Set(table.recording).size,
  });
  const sampler = await makeSampler(units, table.clipSamples, length, options);
  options.onProgress?.({ stage: 'statistics', done: 1, total: 1 });
  return {
    labels,
    counts: labels.map((label, index) => {
      const own = units.filter((unit) => unit.label === index);
      return { label, clips: own.length, recordings: new Set(own.map(({ recording }) => recording)).size };
    }),
    leftOut,
    statistics,
    sampler,
    length,
    clipSamples: table.clipSamples,
    notes: [...notes, ...leftOut.map(({ label, reason }) => `Not learned: ${label} (${reason})`)],
  };
}

/** The RMS and spread filters choose training clips only: prediction skips no clip. */
async function filterByLevel(all: ClipTable, options: TrainingSetOptions) {
  const { minRms, minMelStd } = options.clips;
  if (minRms === 0 && minMelStd === 0) return { table: all, notes: [] };
  const { rms, melSpread } = await options.shards.clipLevels(all, options.threads, callOptions(options));
  const loud = (row: number) => (rms[row] as number) >= minRms;
  const varied = (row: number) => (melSpread[row] as number) >= minMelStd;
  const table = filterClips(all, (row) => loud(row) && varied(row));
  const rows = Array.from(all.recording.keys());
  const tooQuiet = rows.filter((row) => !loud(row)).length;
  const tooFlat = rows.filter((row) => loud(row) && !varied(row)).length;
  const left = new Set(table.recording);
  const gone = options.recordings.filter((_, index) => !left.has(index)).map(({ path }) => path);
  const notes = [
    `Training clips: ${table.recording.length} of ${rows.length} (${tooQuiet} too quiet, ${tooFlat} too flat)`,
  ];
  if (gone.length > 0) {
    notes.push(`Training recordings without a clip that passes: ${gone.length} (${firstOf(gone)})`);
  }
  return { table, notes };
}

function chooseLabels(table: ClipTable, options: TrainingSetOptions) {
  const { minClipsPerClass } = options.clips;
  const clips = new Map<Label, number>();
  for (const recording of table.recording) {
    const { label } = options.recordings[recording] as Recording;
    clips.set(label, (clips.get(label) ?? 0) + 1);
  }
  const inTraining = new Set(options.recordings.map(({ label }) => label));
  const labels: Label[] = [];
  const leftOut: { label: Label; reason: string }[] = [];
  for (const label of options.labels.toSorted()) {
    const count = clips.get(label) ?? 0;
    if (!inTraining.has(label)) leftOut.push({ label, reason: 'no training recordings' });
    else if (count === 0) leftOut.push({ label, reason: 'no training clip passes the filters' });
    else if (count < minClipsPerClass && !options.noEventLabels.includes(label)) {
      leftOut.push({ label, reason: `${count} training clips, clips.min_clips_per_class is ${minClipsPerClass}` });
    } else labels.push(label);
  }
  if (labels.length < 2) {
    const reasons = leftOut.map(({ label, reason }) => `\n  ${label}: ${reason}`).join('');
    throw new AutobirdError(
      'nothing_to_learn',
      `Expected at least two classes to learn but ${labels.length} are left: lower clips.min_clips_per_class or the filters, or add recordings.${reasons}`,
    );
  }
  return { labels, leftOut };
}

async function makeSampler(
  clips: readonly Unit[],
  clipSamples: number,
  { rowsPerEpoch }: TrainingLength,
  options: TrainingSetOptions,
): Promise<Sampler> {
  const { augment, training, shards, recordings, sampleRateHz } = options;
  const units = augment.crop === 'grid' ? clips : onePerRecording(clips);
  const guided = augment.crop === 'random' && augment.activity > 0;
  const sources = new Map<number, CropSource>();
  for (const { recording } of units) {
    if (sources.has(recording)) continue;
    const { sampleCount } = recordings[recording] as Recording;
    const profile = guided ? await shards.activityProfile(recording, PROFILE_STEP_S, callOptions(options)) : null;
    sources.set(recording, { sampleCount, profile });
  }
  return new Sampler({
    units,
    sources,
    clipSamples,
    profileStepSamples: PROFILE_STEP_S * sampleRateHz,
    augment,
    training,
    rowsPerEpoch,
  });
}

function onePerRecording(clips: readonly Unit[]): Unit[] {
  return [...new Map(clips.map((unit) => [unit.recording, { ...unit, startSample: 0 }])).values()];
}

function callOptions({ signal }: JobOptions): CallOptions {
  return signal ? { signal } : {};
}

function firstOf(paths: readonly string[]): string {
  return paths.length > 5 ? `${paths.slice(0, 5).join(', ')}, …` : paths.join(', ');
}
