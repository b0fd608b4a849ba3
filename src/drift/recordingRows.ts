/** Recordings become rows of drift features: the four numbers of a clip, averaged over the recording's clips. */

import { availableParallelism } from 'node:os';
import { LogMel } from '../../bindings/index.ts';
import type { DecodeLimits, FeatureOptions } from '../../bindings/native.ts';
import type { Channel } from '../audio/channelSchema.ts';
import type { GridOptions } from '../data/clips.ts';
import type { DriftFeatures, FailedPrediction, JobOptions } from '../domain.ts';
import { meanDriftFeatures } from '../prediction/driftFeatures.ts';
import { inParallel } from '../prediction/inParallel.ts';
import { openRecording } from '../prediction/openSource.ts';
import { type ClipEngine, scoreClips } from '../prediction/scoreClips.ts';
import { concatenated } from '../vectors.ts';
import type { DriftRow } from './DriftRows.ts';

export const driftFeatureNames = ['mel_mean', 'mel_std', 'energy_mean', 'energy_std'] as const;

type DriftFeatureValues = Record<(typeof driftFeatureNames)[number], number>;

/** A row and where it comes from. */
export interface RecordingRow extends DriftRow {
  readonly recording: string;
}

export interface RecordingRowsOptions extends JobOptions {
  readonly features: FeatureOptions;
  readonly clips: GridOptions;
  readonly limits: DecodeLimits;
  readonly channel?: Channel;
  /** Recordings worked on at once; default one a core. */
  readonly workers?: number;
}

/** Rows of files, in order; a file that cannot be read is a failure beside the others. */
export async function* recordingRows(
  paths: readonly string[],
  options: RecordingRowsOptions,
): AsyncGenerator<RecordingRow | FailedPrediction, void> {
  const { features, clips, limits, channel, signal, workers = availableParallelism() } = options;
  let done = 0;
  const rows = inParallel(paths, workers, 'input', async (path): Promise<RecordingRow | FailedPrediction> => {
    try {
      await using source = await openRecording(path, limits, { sampleRateHz: features.sampleRateHz, channel, signal });
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
): Promise<DriftFeatureValues> {
  const { features, clips, signal } = options;
  using logMel = new LogMel(features);
  const none = new Float32Array();
  const engine: ClipEngine = {
    forwardPcm: async (samples, starts, clipSamples) => ({
      logits: none,
      activity: none,
      peak: none,
      driftFeatures: await logMel.driftFeatures(samples, starts, clipSamples),
      embeddings: null,
    }),
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
  const rows: Float32Array[] = [];
  for await (const batch of batches) {
    signal?.throwIfAborted();
    rows.push(batch.driftFeatures);
  }
  return driftFeatureValues(meanDriftFeatures(concatenated(rows)));
}

/** Drift features as columns. */
export function driftFeatureValues(features: DriftFeatures): DriftFeatureValues {
  const { melMean, melStd, energyMean, energyStd } = features;
  return { mel_mean: melMean, mel_std: melStd, energy_mean: energyMean, energy_std: energyStd };
}
