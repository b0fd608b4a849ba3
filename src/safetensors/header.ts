/**
 * The header of a safetensors file: u64 little-endian length, JSON padded with spaces, then the payload. Everything is
 * checked before memory for tensors is taken; the order of checks is that of docs/checkpoint-format.md.
 */

import { FormatError } from '../../bindings/errors.ts';
import type { NamedTensor, TensorDtype } from '../../bindings/native.ts';
import { findDuplicateKey } from './duplicates.ts';

/** The one name in a header that is not a tensor's. */
export const metadataKey = '__metadata__';

const maxHeaderBytes = 100_000_000;

/** In the order of the official writer: largest elements first, so that every tensor is aligned. */
const dtypeBytes: ReadonlyMap<TensorDtype, number> = new Map([
  ['I64', 8],
  ['F64', 8],
  ['F32', 4],
  ['I32', 4],
  ['BF16', 2],
  ['F16', 2],
  ['I16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1],
]);
const dtypeRank = new Map([...dtypeBytes.keys()].map((dtype, index) => [dtype, index]));

export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly tensors: readonly TensorInfo[];
  readonly payloadOffset: number;
  readonly fileBytes: number;
}

export function elementBytes(dtype: TensorDtype): number {
  return dtypeBytes.get(dtype) as number;
}

/** The order in which `writeSafetensors` writes: by dtype, then by name, as the official writer does. */
export function payloadOrder<T extends Pick<NamedTensor, 'name' | 'dtype'>>(tensors: readonly T[]): T[] {
  const byName = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const rank = (tensor: T): number => dtypeRank.get(tensor.dtype) as number;
  return [...tensors].sort((a, b) => rank(a) - rank(b) || byName(a.name, b.name));
}

/** Bytes of a tensor, `undefined` where its shape is not one or their number is not a safe integer. */
export function shapeBytes(dtype: TensorDtype, shape: readonly number[]): number | undefined {
  let bytes = elementBytes(dtype);
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

/** Length and JSON, padded with spaces to a multiple of 8 or to `bytes` in all. Offsets count from the payload. */
export function encodeHeader(
  tensors: readonly { name: string; dtype: TensorDtype; shape: readonly number[]; start: number; end: number }[],
  metadata: Readonly<Record<string, string>>,
  bytes?: number,
): Buffer {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [[metadataKey, metadata]] : [];
  for (const { name, dtype, shape, start, end } of tensors) {
    entries.push([name, { dtype, shape, data_offsets: [start, end] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const total = Math.max(bytes ?? 0, 8 + Math.ceil(json.byteLength / 8) * 8);
  const header = Buffer.alloc(total, ' ');
  header.writeBigUInt64LE(BigInt(total - 8));
  json.copy(header, 8);
  return header;
}

/** Length of the header's JSON from the first 8 bytes of a file of `fileBytes`. */
export function parseHeaderLength(first: Uint8Array, fileBytes: number, where: string): number {
  if (first.byteLength < 8) throw broken(where, `it has ${first.byteLength} bytes, a header needs at least 8`);
  const length = Buffer.from(first.buffer, first.byteOffset, 8).readBigUInt64LE();
  if (length > BigInt(maxHeaderBytes)) {
    throw broken(where, `its header claims ${length} bytes, at most ${maxHeaderBytes} are allowed`);
  }
  if (length > BigInt(fileBytes - 8)) {
    throw broken(where, `its header claims ${length} bytes but only ${fileBytes - 8} follow`);
  }
  return Number(length);
}

/** Checks and reads the JSON of a header. Throws FormatError (`safetensors`) with the first thing that is wrong. */
export function parseHeader(json: Uint8Array, fileBytes: number, where: string): SafetensorsHeader {
  if (json[0] !== 0x7b) throw broken(where, 'its header does not start with "{"');
  let text: string;
  let root: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    root = JSON.parse(text) as Record<string, unknown>; // it starts with "{"
  } catch (error) {
    throw broken(where, `its header is not JSON (${(error as Error).message})`, error);
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw broken(where, `its header has ${JSON.stringify(duplicate)} twice`);

  const payloadOffset = 8 + json.byteLength;
  const tensors: TensorInfo[] = [];
  for (const [name, entry] of Object.entries(root)) {
    if (name !== metadataKey) tensors.push(parseTensor(name, entry, payloadOffset, where));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = payloadOffset;
  for (const { name, offset, byteLength } of tensors) {
    if (offset !== end)
      throw broken(where, `tensor ${name} ${offset > end ? 'leaves a hole before it' : 'overlaps another'}`);
    end = offset + byteLength;
  }
  if (end > fileBytes) throw broken(where, `it is truncated: ${fileBytes} bytes where its tensors need ${end}`);
  if (end < fileBytes) throw broken(where, `${fileBytes - end} bytes follow its last tensor`);
  return { metadata: parseMetadata(root[metadataKey], where), tensors, payloadOffset, fileBytes };
}

function parseTensor(name: string, entry: unknown, payloadOffset: number, where: string): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (!dtypeBytes.has(dtype as TensorDtype)) {
    throw broken(where, `tensor ${name} has dtype ${brief(dtype)}, known are ${[...dtypeBytes.keys()].join(', ')}`);
  }
  if (!isSizes(shape)) throw broken(where, `tensor ${name} has shape ${brief(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || (offsets[0] as number) > (offsets[1] as number)) {
    throw broken(where, `tensor ${name} has data_offsets ${brief(offsets)}`);
  }
  const [start, end] = offsets as [number, number];
  const bytes = shapeBytes(dtype as TensorDtype, shape);
  if (bytes !== end - start) {
    const needed = bytes === undefined ? 'more bytes than a file can have' : `${bytes} bytes`;
    throw broken(where, `tensor ${name} of ${dtype} ${JSON.stringify(shape)} needs ${needed} but has ${end - start}`);
  }
  return { name, dtype: dtype as TensorDtype, shape, offset: payloadOffset + start, byteLength: bytes };
}

/** A value from a header in a message: a list nested a million times must not overflow the stack here. */
function brief(value: unknown): string {
  if (value === undefined) return 'missing';
  const deep = Array.isArray(value) ? value.some((item) => typeof item === 'object') : typeof value === 'object';
  const text = deep ? 'of objects' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function parseMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {};
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || Object.values(value).some((text) => typeof text !== 'string')) {
    throw broken(where, 'its __metadata__ is not a mapping of text to text');
  }
  return value as Record<string, string>;
}

export function broken(where: string, reason: string, cause?: unknown): FormatError {
  return new FormatError('safetensors', `${where} is not a valid safetensors file: ${reason}`, { cause });
}
