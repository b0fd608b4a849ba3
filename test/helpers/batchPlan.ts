import type { BatchPlan } from '../../bindings/index.ts';

/** A plan without augmentation; `changes` adds some. */
export function plainPlan(
  recording: readonly number[],
  startSample: readonly number[],
  clipSamples: number,
  classes: number,
  changes: Partial<BatchPlan> = {},
): BatchPlan {
  const rows = recording.length;
  const target = new Float32Array(rows * classes);
  for (const [row, index] of recording.entries()) target[row * classes + (index % classes)] = 1;
  return {
    recording: Int32Array.from(recording),
    startSample: Float64Array.from(startSample),
    clipSamples,
    gain: new Float32Array(rows).fill(1),
    mixRecording: new Int32Array(rows).fill(-1),
    mixStartSample: new Float64Array(rows),
    mixRatio: new Float32Array(rows).fill(1),
    noiseSnrDb: new Float32Array(rows).fill(Number.NaN),
    noiseSeed: new Uint32Array(rows),
    filterDb: new Float32Array(),
    bandMasks: new Int32Array(),
    frameMasks: new Int32Array(),
    target,
    ...changes,
  };
}
