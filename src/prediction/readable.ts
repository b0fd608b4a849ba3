import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ChannelMixer } from '../../bindings/audio.ts';
import { AudioError, expected } from '../../bindings/errors.ts';

/** Raw samples: interleaved, little-endian. */
export interface PcmFormat {
  readonly sampleRateHz: number;
  readonly format: 'f32le' | 's16le';
  /** Default 1; of more the model's `data.channel` is used, or their mean. */
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

/** Mono samples of raw PCM; a sample may be cut anywhere between two chunks. Bytes that fill no whole frame at the end are dropped. */
export async function* pcmBlocks(
  readable: AsyncIterable<Uint8Array>,
  { format, channels = 1 }: PcmFormat,
  mixer: ChannelMixer,
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
    const samples = new Float32Array(frames * channels);
    for (let i = 0; i < samples.length; i++) {
      const at = i * sampleBytes;
      samples[i] = format === 'f32le' ? view.getFloat32(at, true) : view.getInt16(at, true) / 32768;
    }
    onSamples(frames);
    yield mixer.interleaved(samples, channels);
  }
}
