import { FormatError } from '../../bindings/errors.ts';
import type { NamedTensor } from '../../bindings/native.ts';
import { shareableConfig } from '../config/shareableConfig.ts';
import { payloadSha256, readSafetensorsHeader, readTensors } from '../safetensors.ts';
import { decode } from '../schema/case.ts';
import { type Checkpoint, modelVersion } from './Checkpoint.ts';
import { type CheckpointMetadata, metadataSchema } from './metadata.ts';
import { referencePrefix, referenceRows } from './reference.ts';

export type { Checkpoint } from './Checkpoint.ts';

/** Bumped when an older reader would misunderstand the file. */
export const FORMAT_VERSION = 1;

/** Names that tensors may have, so that a foreign file is refused before it is loaded. */
const TENSOR_NAMES = /^(model|current|optimizer|scaler|rng)\./;

/**
 * Reads a checkpoint, checked as docs/checkpoint-format.md says: header, version, options, hash, shapes. Nothing in it is
 * executed, and memory for tensors is taken only after the header was found true.
 *
 * @throws FormatError `safetensors` (damaged or cut short), `not_a_checkpoint`, `newer_version`, `wrong_hash`,
 *   `invalid_content` (metadata), `misfit` (tensors that are not those of its options)
 * @throws Node's `ENOENT` where there is no such file
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const header = await readSafetensorsHeader(path);
  const { format, format_version: version, payload_sha256: hash, autobird } = header.metadata;
  checkVersion(format, version, path);
  const metadata = parseMetadata(autobird, path);
  const tensors = await readTensors(path, header.tensors);
  if (payloadSha256(tensors) !== hash) {
    throw new FormatError(
      'wrong_hash',
      `${path} is damaged: its bytes are not those its hash was made of. Copy it again, or use another checkpoint of the run.`,
    );
  }
  const statistics = {
    mean: statistic(tensors, 'statistics.mean', metadata, path),
    std: statistic(tensors, 'statistics.std', metadata, path),
  };
  const reference = referenceRows(tensors, metadata.labels, path);
  const rest = tensors.filter(({ name }) => !name.startsWith('statistics.') && !name.startsWith(referencePrefix));
  checkNames(rest, path);
  return {
    path,
    tensors: rest,
    statistics,
    metadata,
    reference,
    modelVersion: modelVersion(rest, statistics, metadata),
  };
}

function checkVersion(format: string | undefined, formatVersion: string | undefined, path: string): void {
  if (format !== 'autobird') {
    throw new FormatError(
      'not_a_checkpoint',
      `${path} is a safetensors file but not a checkpoint of autobird (its format is ${JSON.stringify(format ?? null)})`,
    );
  }
  const version = Number(formatVersion);
  if (!Number.isInteger(version) || version < 1) {
    throw new FormatError('not_a_checkpoint', `${path} has no format version: it was not written by autobird`);
  }
  if (version > FORMAT_VERSION) {
    throw new FormatError(
      'newer_version',
      `${path} has checkpoint format ${version}, this autobird reads up to ${FORMAT_VERSION}: update autobird to use it`,
    );
  }
}

function parseMetadata(json: string | undefined, path: string): CheckpointMetadata {
  let value: unknown;
  try {
    value = JSON.parse(json ?? '');
  } catch (error) {
    throw new FormatError('invalid_content', `The metadata of ${path} is not JSON`, { cause: error });
  }
  const metadata = decode(metadataSchema, value, `The metadata of ${path}`);
  const unknown = metadata.noEventLabels.filter((label) => !metadata.labels.includes(label));
  if (new Set(metadata.labels).size !== metadata.labels.length || unknown.length > 0) {
    throw new FormatError(
      'invalid_content',
      `The labels of ${path} are not distinct or do not hold its no-event labels`,
    );
  }
  // Older checkpoints hold private paths and settings of the service.
  return { ...metadata, config: shareableConfig(metadata.config) };
}

/** (M), finite, and where it divides positive. */
function statistic(tensors: readonly NamedTensor[], name: string, metadata: CheckpointMetadata, path: string) {
  const bands = metadata.features.nMels;
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (tensor?.dtype !== 'F32' || tensor.shape.length !== 1 || tensor.shape[0] !== bands) {
    const found = tensor === undefined ? 'is missing' : `is ${tensor.dtype} [${tensor.shape.join(', ')}]`;
    throw new FormatError('misfit', `${name} of ${path} ${found} where its features need F32 [${bands}]`);
  }
  const values = new Float32Array(tensor.data.buffer, tensor.data.byteOffset, bands);
  if (!values.every((value) => Number.isFinite(value) && (name === 'statistics.mean' || value > 0))) {
    throw new FormatError('misfit', `${name} of ${path} holds values that cannot normalise anything`);
  }
  return values;
}

/** Shapes of the network's own tensors are checked by the addon, which knows the network. */
function checkNames(tensors: readonly NamedTensor[], path: string): void {
  const foreign = tensors.find(({ name }) => !TENSOR_NAMES.test(name));
  if (foreign) throw new FormatError('misfit', `${path} holds a tensor ${foreign.name} that no checkpoint has`);
  if (!tensors.some(({ name }) => name.startsWith('model.'))) {
    throw new FormatError('misfit', `${path} holds no model: it has no tensor whose name begins with "model."`);
  }
}
