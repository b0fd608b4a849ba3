/** Recordings become rows of drift features: the four numbers of a clip, averaged over the recording's clips. */
import { availableParallelism } from 'node:os';
import { LogMel } from '../../bindings/index.ts';
import type { DecodeLimits, FeatureOptions } from '../../bindings/native.ts';
import type { GridOptions } from '../data/clips.ts';
import type { FailedPrediction, JobOptions } from '../domain.ts';
import { inParallel } from '../prediction/inParallel.ts';
import { openRecording } from '../prediction/openSource.ts';
import { type ClipEngine, scoreClips } from '../prediction/scoreClips.ts';
import type { DriftRow } from './detectDrift.ts';

export const driftFeatureNames = ['mel_mean', 'mel_std', 'energy_mean', 'energy_std'] as const;

/** A row and where it comes from. */
export interface RecordingRow extends DriftRow {
  readonly recording: string;
}

export interface RecordingRowsOptions extends JobOptions {
  readonly features: FeatureOptions;
  readonly clips: GridOptions;
  readonly limits: DecodeLimits;
  /** Recordings worked on at once; default one a core. */
  readonly workers?: number;
}

/** Rows of files, in order; a file that cannot be read is a failure beside the others. */
export async function* recordingRows(
  paths: readonly string[],
  options: RecordingRowsOptions,
): AsyncGenerator<RecordingRow | FailedPrediction, void> {
  const { features, clips, limits, signal, workers = availableParallelism() } = options;
  let done = 0;
  const rows = inParallel(paths, workers, 'input', async (path): Promise<RecordingRow | FailedPrediction> => {
    try {
      await using source = await openRecording(path, limits, { sampleRateHz: features.sampleRateHz, signal });
      const values = await driftFeatures(source.samplesAt(features.sampleRateHz), { features, clips, signal });
      return { recording: path, values, at: source.recordedAt };
    } catch (error) {
      if (signal?.aborted) throw error;
      const { code = 'internal', message } = error as NodeJS.ErrnoException;
      return { recording: path, error: { code, message } };
    }
  });
  for await (const row of rows) {
    done++;
    options.onProgress?.({ stage: 'features', done, total: paths.length, message: row.recording });
    yield row;
  }
}

/**
 * Mean over the clips of: mean and standard deviation of the log-mel's cells, and mean and standard deviation over the
 * frames of ln(mel power of the frame + 1e-6). The log-mel is not normalised and keeps its background.
 */
export async function driftFeatures(
  blocks: AsyncIterable<Float32Array>,
  options: Pick<RecordingRowsOptions, 'features' | 'clips'> & { readonly signal?: AbortSignal | undefined },
): Promise<Record<(typeof driftFeatureNames)[number], number>> {
  const { features, clips, signal } = options;
  using logMel = new LogMel({ ...features, background: 'none' });
  const sums = [0, 0, 0, 0];
  let count = 0;
  const engine: ClipEngine = {
    async forwardPcm(samples, starts, clipSamples) {
      for (const start of starts) {
        const clip = new Float32Array(clipSamples);
        clip.set(samples.subarray(start, start + clipSamples));
        const { data, mels, frames } = await logMel.compute(clip);
        clipFeatures(data, mels, frames, features.logOffset).forEach((value, i) => {
          sums[i] = (sums[i] as number) + value;
        });
        count++;
      }
      const none = new Float32Array();
      return { logits: none, activity: new Float32Array(starts.length), driftFeatures: none, embeddings: null };
    },
  };
  const { sampleRateHz } = features;
  const batches = scoreClips(engine, blocks, {
    grid: clips,
    sampleRateHz,
    batchSize: 16,
    eager: false,
    embeddings: false,
    signal,
  });
  for await (const _ of batches) signal?.throwIfAborted();
  const [melMean, melStd, energyMean, energyStd] = sums.map((sum) => sum / count) as [number, number, number, number];
  return { mel_mean: melMean, mel_std: melStd, energy_mean: energyMean, energy_std: energyStd };
}

/** Of a log-mel (M * T), in the order of {@link driftFeatureNames}; deviations are of the population. */
export function clipFeatures(logMel: Float32Array, mels: number, frames: number, logOffset: number): number[] {
  const energies = new Float64Array(frames);
  for (let t = 0; t < frames; t++) {
    let power = 0;
    for (let m = 0; m < mels; m++) power += Math.exp(logMel[m * frames + t] as number) - logOffset;
    energies[t] = Math.log(Math.max(0, power) + 1e-6);
  }
  return [...meanAndDeviation(logMel), ...meanAndDeviation(energies)];
}

function meanAndDeviation(values: Float32Array | Float64Array): [number, number] {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return [mean, Math.sqrt(squares / values.length)];
}
