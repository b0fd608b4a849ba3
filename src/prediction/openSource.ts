import type { Readable } from 'node:stream';
import { expected } from '../../bindings/errors.ts';
import type { DecodeLimits } from '../../bindings/native.ts';
import { openAudio } from '../audio/openAudio.ts';
import { resampled } from '../audio/resample.ts';
import { recordedAt, recordedAtFromTags } from '../data/recordedAt.ts';
import { type PcmFormat, pcmBlocks } from './readable.ts';

/** Something to listen to, read once from beginning to end. */
export interface OpenedSource extends AsyncDisposable {
  /** From the header: for progress only. */
  readonly declaredDurationS: number | null;
  readonly recordedAt: string | null;
  /** Mono samples at the model's rate. */
  samplesAt(sampleRateHz: number): AsyncIterable<Float32Array>;
  /** Of what was read so far, at the source's own rate. */
  durationS(): number;
  /** Milliseconds from opening to the last sample; 0 until then, and for a stream, which waits for its source. */
  decodeMs(): number;
}

/** A file or the bytes of one. `name` stands for the file's name where the time is read from it. */
export async function openRecording(
  source: string | Uint8Array,
  limits: DecodeLimits,
  signal?: AbortSignal,
  name?: string,
): Promise<OpenedSource> {
  const begin = performance.now();
  let decodeMs = 0;
  const audio = await openAudio(source, { limits, ...(signal && { signal }) });
  const path = name ?? (typeof source === 'string' ? source : '');
  const { sampleRateHz, declaredDurationS, tags } = audio.info;
  return {
    declaredDurationS,
    recordedAt: recordedAt({ path, fromTags: recordedAtFromTags(tags) }),
    samplesAt: async function* (targetHz) {
      yield* audio.samplesAt(targetHz);
      decodeMs = performance.now() - begin;
    },
    durationS: () => audio.decodedSamples / sampleRateHz,
    decodeMs: () => decodeMs,
    [Symbol.asyncDispose]: async () => audio.close(),
  };
}

/** A stream of raw samples, of any length: a microphone has no end. */
export function openPcm(readable: Readable, pcm: PcmFormat, limits: DecodeLimits): OpenedSource {
  const { sampleRateHz, channels = 1 } = pcm;
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1 || sampleRateHz > limits.maxSampleRateHz) {
    throw expected(`a sample rate of 1 to ${limits.maxSampleRateHz} Hz`, 'pcm.sampleRateHz', sampleRateHz);
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > limits.maxChannels) {
    throw expected(`1 to ${limits.maxChannels}`, 'pcm.channels', channels);
  }
  let samples = 0;
  const blocks = pcmBlocks(readable, pcm, (count) => {
    samples += count;
  });
  return {
    declaredDurationS: null,
    recordedAt: null,
    samplesAt: (targetHz) => resampled(blocks, sampleRateHz, targetHz),
    durationS: () => samples / sampleRateHz,
    decodeMs: () => 0,
    [Symbol.asyncDispose]: async () => {
      readable.destroy();
    },
  };
}
