import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ChannelMixer } from '../../bindings/audio.ts';
import { expected } from '../../bindings/errors.ts';
import type { DecodeLimits, NativeSamples } from '../../bindings/native.ts';
import type { AudioSource } from '../audio/AudioSource.ts';
import { channelNumber } from '../audio/channel.ts';
import type { Channel } from '../audio/channelSchema.ts';
import { DecodeBudget, type DecodeCosts } from '../audio/DecodeBudget.ts';
import { decodeLimits } from '../audio/limits.ts';
import { openAudio } from '../audio/openAudio.ts';
import { resampled } from '../audio/resample.ts';
import { warningsOf } from '../audio/warnings.ts';
import { recordedAt, recordedAtFromTags } from '../data/recordedAt.ts';
import type { DecodedRecording } from './options.ts';
import { type PcmFormat, pcmBlocks } from './readable.ts';

/** An opened recording or stream, read once from beginning to end. */
export interface OpenedSource extends AsyncDisposable {
  /** From the header: for progress only. */
  readonly declaredDurationS: number | null;
  readonly recordedAt: string | null;
  /** All samples at the model's rate, where the recording is short enough to be decoded in the call that opens it; see AudioSource. */
  readonly allSamples: NativeSamples | null;
  /** Mono samples at the model's rate. */
  samplesAt(sampleRateHz: number): AsyncIterable<Float32Array>;
  /** Of what was read so far, at the source's own rate. */
  durationS(): number;
  /** What is wrong with it all the same; final after the last sample. */
  warnings(): readonly string[];
  /** Milliseconds from opening to the last sample; 0 until then, and for a stream, which waits for its source. */
  decodeMs(): number;
}

export interface OpenRecordingOptions {
  /** At which {@link OpenedSource.samplesAt} will be read. */
  readonly sampleRateHz: number;
  /** Default `mean`. */
  readonly channel?: Channel | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Stands for the file's name where the time is read from it. */
  readonly name?: string | undefined;
}

/** A recording of up to so many seconds is decoded completely in the call that opens it. */
const openedWithS = 60;

/** A file or the bytes of one, at any cost unless `limits` say otherwise. */
export async function openRecording(
  source: string | Uint8Array,
  limits: DecodeLimits & Partial<DecodeCosts>,
  { sampleRateHz: targetHz, channel = 'mean', signal, name }: OpenRecordingOptions,
): Promise<OpenedSource> {
  const begin = performance.now();
  const readAhead = { targetHz, samples: openedWithS * targetHz };
  const budget = new DecodeBudget(limits, await bytesOf(source));
  const either = signal === undefined ? budget.signal : AbortSignal.any([signal, budget.signal]);
  const audio = await budget.spend(() =>
    openAudio(source, { limits: decodeLimits(limits), channel, readAhead, signal: either }),
  );
  try {
    // All of a short recording has been decoded by now.
    budget.signal.throwIfAborted();
    budget.checkRatio(audio.decodedSamples, audio.info.channels);
  } catch (error) {
    await audio.close();
    throw error;
  }
  let decodeMs = audio.allSamples === null ? 0 : performance.now() - begin;
  const path = name ?? (typeof source === 'string' ? source : '');
  const { sampleRateHz, declaredDurationS, tags } = audio.info;
  return {
    declaredDurationS,
    recordedAt: recordedAt({ path, fromTags: recordedAtFromTags(tags) }),
    allSamples: audio.allSamples,
    samplesAt: async function* (rateHz) {
      yield* withinBudget(audio, rateHz, budget);
      decodeMs = performance.now() - begin;
    },
    durationS: () => audio.decodedSamples / sampleRateHz,
    warnings: () => warningsOf(audio),
    decodeMs: () => decodeMs,
    [Symbol.asyncDispose]: async () => audio.close(),
  };
}

/** 0 where the file is not there: opening it gives the better message. */
async function bytesOf(source: string | Uint8Array): Promise<number> {
  return typeof source === 'string' ? ((await stat(source).catch(() => null))?.size ?? 0) : source.byteLength;
}

async function* withinBudget(
  audio: AudioSource,
  targetHz: number,
  budget: DecodeBudget,
): AsyncGenerator<Float32Array, void> {
  const blocks = audio.samplesAt(targetHz);
  try {
    for (;;) {
      const { value, done } = await budget.spend(() => blocks.next());
      if (done === true) return;
      budget.checkRatio(audio.decodedSamples, audio.info.channels);
      yield value;
    }
  } finally {
    await blocks.return();
  }
}

/** Samples that were decoded before: nothing is left to refuse or to warn of. */
export function openDecoded({ sampleRateHz, durationS, recordedAt, blocks }: DecodedRecording): OpenedSource {
  const begin = performance.now();
  let decodeMs = 0;
  let samples = 0;
  async function* counted() {
    for await (const block of blocks()) {
      samples += block.length;
      yield block;
    }
    decodeMs = performance.now() - begin;
  }
  return {
    declaredDurationS: durationS,
    recordedAt,
    allSamples: null,
    samplesAt: (targetHz) => resampled(counted(), sampleRateHz, targetHz),
    durationS: () => (samples === 0 ? 0 : durationS),
    warnings: () => [],
    decodeMs: () => decodeMs,
    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * A stream of raw samples, of any length: a microphone has no end. Its `best` channel cannot be known before the end, so
 * the mean is read.
 */
export function openPcm(
  readable: Readable,
  pcm: PcmFormat,
  limits: DecodeLimits,
  channel: Channel = 'mean',
): OpenedSource {
  const { sampleRateHz, channels = 1 } = pcm;
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1 || sampleRateHz > limits.maxSampleRateHz) {
    throw expected(`a sample rate of 1 to ${limits.maxSampleRateHz} Hz`, 'pcm.sampleRateHz', sampleRateHz);
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > limits.maxChannels) {
    throw expected(`1 to ${limits.maxChannels}`, 'pcm.channels', channels);
  }
  let samples = 0;
  const mixer = new ChannelMixer(channelNumber(channel), sampleRateHz);
  const blocks = pcmBlocks(readable, pcm, mixer, (count) => {
    samples += count;
  });
  return {
    declaredDurationS: null,
    recordedAt: null,
    allSamples: null,
    samplesAt: (targetHz) => resampled(blocks, sampleRateHz, targetHz),
    durationS: () => samples / sampleRateHz,
    warnings: () => mixer.notes,
    decodeMs: () => 0,
    [Symbol.asyncDispose]: async () => {
      readable.destroy();
    },
  };
}
