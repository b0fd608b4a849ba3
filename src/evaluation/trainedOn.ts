/**
 * Which recordings a checkpoint was trained on, whatever they are called and in whatever dataset they are now: a split is
 * named after its options, so one of the same name may be another assignment once the dataset has grown.
 */
import type { CheckpointMetadata } from '../checkpoint/metadata.ts';
import { splitHash } from '../data/split.ts';
import type { Recording, Side, Split } from '../domain.ts';
import type { TrainedOn } from '../reports/describeReport.ts';

/** Of 64 hex digits: 64 bits are enough to tell any number of recordings apart. */
const digits = 16;

type Hashes = Pick<Recording, 'audioHash' | 'contentHash'>;

/** The sound is another one where the same file was decoded by another decoder, the bytes where the same sound was saved again. */
function hashesOf({ audioHash, contentHash }: Hashes): string[] {
  return [audioHash.slice(0, digits), contentHash.slice(0, digits)];
}

/** The beginnings of the hashes of sounds and files, distinct and sorted: the checkpoint's `dataset.trained_on`. */
export function soundsOf(recordings: readonly Hashes[]): string[] {
  return [...new Set(recordings.flatMap(hashesOf))].sort();
}

/**
 * The recordings that may judge a checkpoint: neither those it was trained on nor those that chose its epoch and its
 * temperature, unless their side (`train`, `val`) is the one that is evaluated. Counts and `sameSplit` are null where an older
 * checkpoint does not say.
 */
export function withoutTrainedOn(
  recordings: readonly Recording[],
  { dataset }: Pick<CheckpointMetadata, 'dataset'>,
  split: Split,
  side: Side,
): { readonly judging: readonly Recording[] } & TrainedOn {
  const sameSplit = dataset.splitHash === undefined ? null : dataset.splitHash === splitHash(split);
  const without = (from: readonly Recording[], sounds: readonly string[]) => {
    const known = new Set(sounds);
    return from.filter((recording) => !hashesOf(recording).some((hash) => known.has(hash)));
  };
  const { trainedOn, selectedOn } = dataset;
  const unknown = side === 'train' || trainedOn === undefined ? recordings : without(recordings, trainedOn);
  const judging = side !== 'test' || selectedOn === undefined ? unknown : without(unknown, selectedOn);
  return {
    judging,
    leftOut: side !== 'train' && trainedOn === undefined ? null : recordings.length - unknown.length,
    leftOutSelection: side === 'test' && selectedOn === undefined ? null : unknown.length - judging.length,
    sameSplit,
  };
}
