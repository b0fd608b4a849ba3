/**
 * Clips on a grid, the same for training, evaluation and prediction. With `padLast` a clip begins every hop as long as the
 * recording lasts, as in the original system, so that the last clips are partly padding. Without it every clip is whole, and
 * where the grid leaves the end uncovered a last clip ends with the recording.
 */
import type { ClipTable } from '../../bindings/native.ts';
import type { ClipsConfig } from '../config/schema.ts';
import type { Clip } from '../domain.ts';

/** What a grid depends on. */
export type GridOptions = Pick<ClipsConfig, 'lengthS' | 'hopS' | 'padLast'>;

export interface ClipGrid {
  /** First samples, ascending. */
  readonly starts: Float64Array;
  readonly clipSamples: number;
}

/** An uncovered end shorter than this share of a clip is not worth another clip: files of 5.001 s are common. */
const smallestEnd = 0.1;

/**
 * The clips of a recording. Without `padLast` a recording shorter than a clip has none, unless `atLeastOne`: prediction
 * skips no recording that holds a sample.
 */
export function clipGrid(
  sampleCount: number,
  sampleRateHz: number,
  options: GridOptions,
  { atLeastOne = false }: { readonly atLeastOne?: boolean } = {},
): ClipGrid {
  const clipSamples = Math.max(1, Math.round(options.lengthS * sampleRateHz));
  const hop = Math.max(1, Math.round(options.hopS * sampleRateHz));
  const last = options.padLast ? sampleCount - 1 : sampleCount - clipSamples;
  const count = last < 0 ? 0 : Math.floor(last / hop) + 1;
  const needed = count === 0 && atLeastOne && sampleCount > 0 ? 1 : count;
  const starts = Array.from({ length: needed }, (_, i) => i * hop);
  const uncovered = sampleCount - ((count - 1) * hop + clipSamples);
  if (count > 0 && uncovered >= smallestEnd * clipSamples) starts.push(sampleCount - clipSamples);
  return { starts: Float64Array.from(starts), clipSamples };
}

/** The clips of several recordings, in order, as the addon takes them; `recording` are indices into the given array. */
export function clipTable(
  recordings: readonly { readonly sampleCount: number }[],
  sampleRateHz: number,
  options: GridOptions,
  grid: { readonly atLeastOne?: boolean } = {},
): ClipTable {
  const grids = recordings.map((recording) => clipGrid(recording.sampleCount, sampleRateHz, options, grid));
  const count = grids.reduce((sum, { starts }) => sum + starts.length, 0);
  const recording = new Int32Array(count);
  const startSample = new Float64Array(count);
  let at = 0;
  grids.forEach(({ starts }, i) => {
    recording.fill(i, at, at + starts.length);
    startSample.set(starts, at);
    at += starts.length;
  });
  return { recording, startSample, clipSamples: Math.max(1, Math.round(options.lengthS * sampleRateHz)) };
}

/** The rows of a table that `keep` accepts. */
export function filterClips(table: ClipTable, keep: (row: number) => boolean): ClipTable {
  const rows = Array.from(table.recording.keys()).filter(keep);
  return {
    recording: Int32Array.from(rows, (row) => table.recording[row] as number),
    startSample: Float64Array.from(rows, (row) => table.startSample[row] as number),
    clipSamples: table.clipSamples,
  };
}

/** The stretch of a clip in seconds; it may end beyond the recording, where zeros are. */
export function clipSeconds(startSample: number, clipSamples: number, sampleRateHz: number): Clip {
  return { startS: startSample / sampleRateHz, endS: (startSample + clipSamples) / sampleRateHz };
}
