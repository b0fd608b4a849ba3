import type { NamedTensor, NormalisationStatistics } from '../../bindings/native.ts';
import { shareableConfig } from '../config/shareableConfig.ts';
import { payloadOrder, payloadSha256, writeSafetensors } from '../safetensors.ts';
import { encode } from '../schema/case.ts';
import { type CheckpointMetadata, metadataSchema } from './metadata.ts';
import { FORMAT_VERSION } from './readCheckpoint.ts';
import { type ReferenceRow, referenceTensors } from './reference.ts';

export interface CheckpointContent {
  /** `model.*` and what else the checkpoint is to hold. */
  readonly tensors: readonly NamedTensor[];
  readonly statistics: NormalisationStatistics;
  readonly metadata: CheckpointMetadata;
  /** Default none. */
  readonly reference?: readonly ReferenceRow[] | null;
}

/**
 * Writes a checkpoint atomically: after a kill at any instant there is the old file or the new one.
 *
 * @throws AutobirdError `disk_full` or `not_writable`; the old file is then as it was
 */
export async function writeCheckpoint(path: string, content: CheckpointContent): Promise<void> {
  const { statistics, metadata, reference } = content;
  const tensors = [
    ...content.tensors,
    vector('statistics.mean', statistics.mean),
    vector('statistics.std', statistics.std),
    ...(reference?.length ? referenceTensors(reference, metadata.labels) : []),
  ];
  await writeSafetensors(path, tensors, {
    format: 'autobird',
    format_version: String(FORMAT_VERSION),
    payload_sha256: payloadSha256(payloadOrder(tensors)),
    autobird: JSON.stringify(encode(metadataSchema, { ...metadata, config: shareableConfig(metadata.config) })),
  });
}

function vector(name: string, values: Float32Array): NamedTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: 'F32', shape: [values.length], data };
}
