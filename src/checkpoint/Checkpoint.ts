import { createHash } from 'node:crypto';
import type { NamedTensor, NormalisationStatistics } from '../../bindings/native.ts';
import type { CheckpointMetadata } from './metadata.ts';
import type { ReferenceRow } from './reference.ts';

/** A model that can predict by itself, as read from one file. */
export interface Checkpoint {
  /** The file. */
  readonly path: string;
  /** `model.*`, and in `last` also what is needed to go on training; without `statistics.*` and `reference.*`. */
  readonly tensors: readonly NamedTensor[];
  readonly statistics: NormalisationStatistics;
  readonly metadata: CheckpointMetadata;
  /** Recordings it was trained and validated with; null in `last` and in older checkpoints. */
  readonly reference: readonly ReferenceRow[] | null;
  /** 12 hex digits: equal exactly where predictions are equal. */
  readonly modelVersion: string;
}

/** Hash of everything that decides a prediction: tensors used to predict, and the options they are used with. */
export function modelVersion(
  tensors: readonly NamedTensor[],
  statistics: NormalisationStatistics,
  metadata: CheckpointMetadata,
): string {
  const hash = createHash('sha256');
  const { labels, noEventLabels, features, model, clips, score, aggregation, calibration } = metadata;
  hash.update(JSON.stringify([labels, noEventLabels, features, model, clips, score, aggregation, calibration]));
  for (const values of [statistics.mean, statistics.std]) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  const used = tensors.filter((tensor) => tensor.name.startsWith('model.'));
  for (const tensor of used.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${tensor.name} ${tensor.dtype} ${tensor.shape.join(',')} `).update(tensor.data);
  }
  return hash.digest('hex').slice(0, 12);
}
