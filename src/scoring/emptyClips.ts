import type { ClipPrediction } from '../domain.ts';

/** Below it a sample is no more than the last bit of 16. */
const silentPeak = 0.00003;
/** Seconds of sound from which something can be told. */
const shortestS = 0.1;

/** A clip in which there is nothing to tell a label from: digital silence, or hardly any sound before the recording ends. */
export function isEmptyClip({ startS, endS, peak }: ClipPrediction, durationS: number): boolean {
  return peak < silentPeak || Math.min(endS, durationS) - startS < shortestS;
}

/** One line for people on the clips of a recording that are empty; none where none is. */
export function describeEmptyClips(clips: readonly ClipPrediction[], durationS: number): string[] {
  const empty = clips.filter((clip) => isEmptyClip(clip, durationS)).length;
  if (empty === 0) return [];
  if (durationS < shortestS) return [`it is ${durationS.toPrecision(2)} s long, too short to tell a label from`];
  if (empty === clips.length) return ['it is digital silence from beginning to end: no label, no detection'];
  return [`${empty} of ${clips.length} clips are digital silence, or end in it at once: no detection there`];
}
