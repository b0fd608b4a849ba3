import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AudioError, expected } from '../../bindings/errors.ts';

/** Raw samples: interleaved, little-endian. */
export interface PcmFormat {
  readonly sampleRateHz: number;
  readonly format: 'f32le' | 's16le';
  /** Default 1; more are averaged. */
  readonly channels?: number;
}

/**
 * A stream as a temporary file, removed when the result is disposed: containers are read by content, from both ends.
 *
 * @throws AudioError `too_large`; nothing is left behind
 */
export async function spooled(
  readable: Readable,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'autobird-stream-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.byteLength;
      const tooLarge = new AudioError('too_large', `The stream is longer than ${maxBytes} bytes: raise maxFileBytes`);
      done(bytes > maxBytes ? tooLarge : null, chunk);
    },
  });
  const path = join(folder, 'stream');
  try {
    await pipeline(readable, limit, createWriteStream(path), { signal: signal as AbortSignal });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** As in files: a sample that is no number, or larger than sound can be, is silence (native/core/audio/downmix.h). */
const largestSample = 1e6;
const sound = (sample: number): number => (Math.abs(sample) <= largestSample ? sample : 0);

/** Mono samples of raw PCM; a sample may be cut anywhere between two chunks. Bytes that fill no whole frame at the end are dropped. */
export async function* pcmBlocks(
  readable: AsyncIterable<Uint8Array>,
  { format, channels = 1 }: PcmFormat,
  onSamples: (count: number) => void,
): AsyncGenerator<Float32Array, void> {
  if (format !== 'f32le' && format !== 's16le') throw expected("'f32le' or 's16le'", 'pcm.format', format);
  const sampleBytes = format === 'f32le' ? 4 : 2;
  const frameBytes = sampleBytes * channels;
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of readable) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames = Math.floor(bytes.byteLength / frameBytes);
    rest = bytes.subarray(frames * frameBytes);
    if (frames === 0) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, frames * frameBytes);
    const mono = new Float32Array(frames);
    for (let frame = 0; frame < frames; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        const at = frame * frameBytes + channel * sampleBytes;
        sum += format === 'f32le' ? sound(view.getFloat32(at, true)) : view.getInt16(at, true) / 32768;
      }
      mono[frame] = sum / channels;
    }
    onSamples(frames);
    yield mono;
  }
}
