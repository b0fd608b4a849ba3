/** Recordings from the tensors of an inference request: `audio`, encoded files, and `pcm`, samples. */

import { createHash } from 'node:crypto';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import { type ReceivedFile, tooLarge } from '../../../http/receiveAudio.ts';
import { monoWav } from '../../monoWav.ts';
import type { InferRequest, InputTensor } from './schemas.ts';

export interface RecordingLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  readonly maxSampleRateHz: number;
}

/**
 * A recording for each row of the inputs, in their order.
 *
 * @param binary what follows the JSON of the request
 * @throws HttpProblem 400 for tensors that are not what they say, 413 for too many or too large ones
 */
export function recordingsOf(request: InferRequest, binary: Buffer, limits: RecordingLimits): ReceivedFile[] {
  const rows: ReceivedFile[] = [];
  let at = 0;
  for (const input of request.inputs) {
    const size = binarySize(input, binary.byteLength - at);
    const bytes = size === undefined ? undefined : binary.subarray(at, at + size);
    at += size ?? 0;
    const count = input.shape[0] ?? 0;
    if (rows.length + count > limits.maxFiles) {
      throw new HttpProblem(413, 'too_many_files', `At most ${limits.maxFiles} recordings are taken in one request`);
    }
    const sources = input.name === 'audio' ? encoded(input, bytes) : sampled(request, input, bytes, limits);
    for (const [row, source] of sources.entries()) {
      if (source.byteLength > limits.maxFileBytes) throw tooLarge(limits.maxFileBytes);
      rows.push({
        name: `${input.name}[${row}]`,
        source,
        sizeBytes: source.byteLength,
        sha256: createHash('sha256').update(source).digest('hex'),
      });
    }
  }
  if (at !== binary.byteLength) {
    throw bad(`${binary.byteLength} bytes follow the JSON, but the inputs' binary_data_size are ${at} together`);
  }
  if (rows.length === 0) throw bad('The inputs have no rows: send at least one recording');
  return rows;
}

function binarySize({ name, parameters, data }: InputTensor, left: number): number | undefined {
  const size = parameters?.['binary_data_size'];
  if (size === undefined) {
    if (data === undefined) throw bad(`The input '${name}' has neither data nor the parameter binary_data_size`);
    return undefined;
  }
  if (data !== undefined) throw bad(`The input '${name}' has both data and the parameter binary_data_size: send one`);
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > left) {
    throw bad(`Expected 0 to ${left}, the bytes that are there, for binary_data_size of ${name} but received ${size}`);
  }
  return size;
}

/** Rows of `audio`: BYTES, n elements, in shape [n] or [n, 1]. */
function encoded({ shape, datatype, parameters, data }: InputTensor, bytes: Buffer | undefined): Uint8Array[] {
  const [count = 0, ...others] = shape;
  if (datatype !== 'BYTES' || shape.length === 0 || others.some((size) => size !== 1)) {
    throw bad(`Expected BYTES of shape [n] for audio but received ${datatype} of shape [${shape.join(', ')}]`);
  }
  if (bytes !== undefined) return elements(bytes, count);
  if (parameters?.['content_type'] !== 'base64') {
    throw bad(
      'A recording is no text: send audio as binary data, or as base64 with the parameter "content_type": "base64" of the input',
    );
  }
  const texts = (data as readonly unknown[]).flat(Number.POSITIVE_INFINITY);
  if (texts.length !== count) throw bad(`audio has ${texts.length} elements, its shape says ${count}`);
  return texts.map((text, row) => {
    if (typeof text !== 'string' || !/^[\w+/-]*={0,2}$/.test(text)) throw bad(`audio[${row}] is no base64`);
    return Buffer.from(text, 'base64');
  });
}

/** Elements of binary BYTES: each has its length before it, in four bytes, the lowest first. */
function elements(bytes: Buffer, count: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at + 4 <= bytes.byteLength && found.length < count) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.byteLength) break;
    found.push(bytes.subarray(at + 4, end));
    at = end;
  }
  if (found.length !== count || at !== bytes.byteLength) {
    throw bad(`The binary data of audio is not ${count} elements with their length before each`);
  }
  return found;
}

/** Rows of `pcm`: FP32, mono samples from -1 to 1 in shape [n, samples], as WAV files. */
function sampled(
  { parameters: ofAll }: InferRequest,
  { name, shape, datatype, parameters, data }: InputTensor,
  bytes: Buffer | undefined,
  { maxSampleRateHz }: RecordingLimits,
): Uint8Array[] {
  if (name !== 'pcm') throw bad(`There is no input ${name}: expected audio or pcm`);
  const [count = 0, samples = 0] = shape;
  if (datatype !== 'FP32' || shape.length !== 2) {
    throw bad(`Expected FP32 of shape [n, samples] for pcm but received ${datatype} of shape [${shape.join(', ')}]`);
  }
  const rateHz = parameters?.['sample_rate'] ?? ofAll?.['sample_rate'];
  if (typeof rateHz !== 'number' || !Number.isInteger(rateHz) || rateHz < 1 || rateHz > maxSampleRateHz) {
    throw bad(
      `Expected the sample rate of pcm, 1 to ${maxSampleRateHz} Hz, as the parameter sample_rate but received ${rateHz}`,
    );
  }
  const values = bytes ?? floats(data as readonly unknown[]);
  if (values.byteLength !== 4 * count * samples) {
    throw bad(`pcm has ${values.byteLength / 4} samples, its shape says ${count * samples}`);
  }
  return Array.from({ length: count }, (_, row) =>
    // From here on they are recordings like any other.
    monoWav(values.subarray(4 * row * samples, 4 * (row + 1) * samples), { rateHz, bitsPerSample: 32 }),
  );
}

function floats(data: readonly unknown[]): Uint8Array {
  const values = data.flat(Number.POSITIVE_INFINITY);
  const wrong = values.findIndex((value) => typeof value !== 'number');
  if (wrong >= 0) throw bad(`Expected numbers for pcm but received ${JSON.stringify(values[wrong])} at ${wrong}`);
  return new Uint8Array(Float32Array.from(values as number[]).buffer);
}

function bad(message: string): HttpProblem {
  return new HttpProblem(400, 'bad_tensor', message);
}
