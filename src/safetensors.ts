/** Safetensors files: what shards and checkpoints are made of. The format is that of the Python package `safetensors`. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { InvalidArgumentError } from '../bindings/errors.ts';
import type { NamedTensor } from '../bindings/native.ts';
import { writeAll, writeFileAtomic } from './files.ts';
import {
  broken,
  encodeHeader,
  metadataKey,
  parseHeader,
  parseHeaderLength,
  payloadOrder,
  type SafetensorsHeader,
  shapeBytes,
  type TensorInfo,
} from './safetensors/header.ts';

export { payloadOrder, type SafetensorsHeader, type TensorInfo } from './safetensors/header.ts';
export { SafetensorsWriter } from './safetensors/SafetensorsWriter.ts';

export type Metadata = Readonly<Record<string, string>>;

function layOut(tensors: readonly NamedTensor[], metadata: Metadata): { header: Buffer; ordered: NamedTensor[] } {
  const ordered = payloadOrder(tensors);
  const names = new Set<string>([metadataKey]);
  let end = 0;
  const entries = ordered.map(({ name, dtype, shape, data }) => {
    if (names.has(name))
      throw new InvalidArgumentError(`Expected different tensor names but received ${JSON.stringify(name)} twice`);
    names.add(name);
    if (shapeBytes(dtype, shape) !== data.byteLength) {
      throw new InvalidArgumentError(
        `Expected bytes for ${dtype} [${shape.join(', ')}] in ${name} but received ${data.byteLength}`,
      );
    }
    const start = end;
    end += data.byteLength;
    return { name, dtype, shape, start, end };
  });
  return { header: encodeHeader(entries, metadata), ordered };
}

/**
 * Writes a safetensors file atomically, laid out as the official writer does. Throws InvalidArgumentError for bytes that do
 * not fit their shape and for equal names, and like `writeFileAtomic`.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Metadata,
): Promise<void> {
  const { header, ordered } = layOut(tensors, metadata);
  await writeFileAtomic(path, async (handle) => {
    await writeAll(handle, header);
    for (const { data } of ordered) await writeAll(handle, data);
  });
}

/**
 * Reads only the header, with every check: what it says about offsets is true of the file.
 * Throws FormatError (`safetensors`) with what is wrong and the file's name; a missing file is Node's own `ENOENT`.
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, async (handle) => {
    const { size } = await handle.stat();
    const first = await readBytes(handle, 0, Math.min(8, size), path);
    const length = parseHeaderLength(first, size, path);
    return parseHeader(await readBytes(handle, 8, length, path), size, path);
  });
}

/** Reads some tensors of a file whose header was read before (`readSafetensorsHeader`). */
export async function readTensors(path: string, infos: readonly TensorInfo[]): Promise<NamedTensor[]> {
  return withFile(path, async (handle) => {
    const tensors: NamedTensor[] = [];
    for (const info of infos) tensors.push(await readTensor(handle, info, path));
    return tensors;
  });
}

/** SHA-256 of the payload, hex: of tensors as read, or `payloadOrder(tensors)` of those to be written. */
export function payloadSha256(tensors: readonly NamedTensor[]): string {
  const hash = createHash('sha256');
  for (const { data } of tensors) hash.update(data);
  return hash.digest('hex');
}

async function withFile<T>(path: string, body: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r');
  try {
    return await body(handle);
  } finally {
    await handle.close();
  }
}

async function readTensor(handle: FileHandle, info: TensorInfo, path: string): Promise<NamedTensor> {
  const { name, dtype, shape, offset, byteLength } = info;
  return { name, dtype, shape, data: await readBytes(handle, offset, byteLength, path) };
}

async function readBytes(handle: FileHandle, position: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length); // its own buffer: aligned for every element type
  // One read is at most 2 GiB.
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 1 << 30), position + done);
    if (bytesRead === 0) throw broken(path, 'it became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}
