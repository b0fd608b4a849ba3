/**
 * Which recordings a checkpoint was trained on, whatever they are called and in whatever dataset they are now: a split is
 * named after its options, so one of the same name may be another assignment once the dataset has grown.
 */
import type { CheckpointMetadata } from '../checkpoint/metadata.ts';
import { splitHash } from '../data/split.ts';
import type { Recording, Side, Split } from '../domain.ts';
import type { Report } from './report.ts';

/** Of 64 hex digits: 64 bits tell apart all recordings that anybody has. */
const digits = 16;

/** The beginnings of the audio hashes, distinct and sorted: the checkpoint's `dataset.trained_on`. */
export function soundsOf(recordings: readonly Pick<Recording, 'audioHash'>[]): string[] {
  return [...new Set(recordings.map(({ audioHash }) => audioHash.slice(0, digits)))].sort();
}

/**
 * The recordings that may judge a checkpoint: not those it was trained on, unless the side `train` itself is asked for.
 * `leftOut` and `sameSplit` are null where an older checkpoint does not say.
 */
export function withoutTrainedOn(
  recordings: readonly Recording[],
  { dataset }: Pick<CheckpointMetadata, 'dataset'>,
  split: Split,
  side: Side,
): { readonly kept: readonly Recording[] } & Pick<Report, 'leftOut' | 'sameSplit'> {
  const sameSplit = dataset.splitHash === undefined ? null : dataset.splitHash === splitHash(split);
  if (side === 'train') return { kept: recordings, leftOut: 0, sameSplit };
  if (dataset.trainedOn === undefined) return { kept: recordings, leftOut: null, sameSplit };
  const known = new Set(dataset.trainedOn);
  const kept = recordings.filter(({ audioHash }) => !known.has(audioHash.slice(0, digits)));
  return { kept, leftOut: recordings.length - kept.length, sameSplit };
}

/** Sentences for people about what may flatter the figures; none where nothing does. */
export function describeTrainedOn({
  leftOut,
  sameSplit,
  side,
}: Pick<Report, 'leftOut' | 'sameSplit' | 'side'>): string[] {
  const lines: string[] = [];
  if (leftOut === null) {
    lines.push(
      'The checkpoint does not say which recordings it was trained on, so whether it knows some of these could not be checked.',
    );
  } else if (leftOut > 0) {
    const which = leftOut === 1 ? '1 recording of this side was' : `${leftOut} recordings of this side were`;
    lines.push(`${which} trained on and ${leftOut === 1 ? 'is' : 'are'} left out.`);
  }
  if (sameSplit === false && side !== 'train') {
    lines.push(
      'The model was trained with another assignment: recordings that chose its epoch and temperature may be among these.',
    );
  }
  return lines;
}
