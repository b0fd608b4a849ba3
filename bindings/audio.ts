/** Decoders, resampling and log-mel spectrograms over the native signal code. */
import { abortable, type CallOptions } from './abortable.ts';
import { AudioError } from './errors.ts';
import { loadAddon, loadAudioAddon } from './load.ts';
import type {
  DecoderInfo,
  DecoderOptions,
  DecodingProgress,
  EncodedStretch,
  FeatureOptions,
  NativeChannelMixer,
  NativeDecoder,
  NativeLogMel,
  NativeOpening,
  NativeRecordingEncoder,
  NativeResampler,
  NativeSamples,
} from './native.ts';

const defaultReadSamples = 1 << 16;

const defaults = { channel: 0, ahead: null, range: null };

/** `limits` and what is left out by default: the mean of the channels, no samples with opening, all of the file. */
export type OpenDecoderOptions = CallOptions & Pick<DecoderOptions, 'limits'> & Partial<DecoderOptions>;

/** A recording that is being decoded. Reads run on the decoder's thread, in the order of the calls. */
abstract class Decoder implements Disposable {
  readonly info: DecoderInfo;
  readonly #native: NativeDecoder;

  constructor(native: NativeDecoder) {
    this.#native = native;
    this.info = native.info;
  }

  /** The next mono samples at the file's rate, null at the end. Throws AudioError. */
  read(maxSamples: number = defaultReadSamples): Promise<Float32Array | null> {
    return this.#native.read(maxSamples);
  }

  /**
   * Instead of {@link read}: the next samples resampled to `targetHz`, at least `wantedSamples` but at the end; null after it.
   * Throws AudioError, InvalidArgumentError.
   */
  readAt(targetHz: number, wantedSamples: number): Promise<Float32Array | null> {
    return this.#native.readAt(targetHz, wantedSamples);
  }

  /** What was read while opening; the first {@link readAt} gives what follows. Gone once the decoder is disposed. */
  get ahead(): NativeSamples | null {
    return this.#native.ahead;
  }

  /**
   * Instead of {@link read}: the next stretch of at least `stretchSamples` samples as a shard holds them, the last one with
   * `whole`. Throws AudioError, InvalidArgumentError.
   */
  encode(targetHz: number, blockSamples: number, stretchSamples: number): Promise<EncodedStretch> {
    return this.#native.encode(targetHz, blockSamples, stretchSamples);
  }

  /** What came of it so far: final once its end was read. */
  get progress(): DecodingProgress {
    return this.#native.progress();
  }

  /** Stops a read that is going on and closes the file. */
  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** WAV, RF64, BW64; always there. */
export class WavDecoder extends Decoder {
  /** Throws AudioError: `not_audio`, `no_samples`, `unsupported_codec`, `too_many_channels`, `bad_rate`, `too_long`, … */
  static async open(source: string | Uint8Array, { signal, ...options }: OpenDecoderOptions): Promise<WavDecoder> {
    return new WavDecoder(await opened(signal, () => loadAddon().openWav(source, { ...defaults, ...options })));
  }
}

/** Everything that FFmpeg's libraries decode, where audio.node was built. */
export class FfmpegDecoder extends Decoder {
  static get available(): boolean {
    return loadAudioAddon() !== null;
  }

  /** Version of the libraries, null where they are not there. */
  static get version(): string | null {
    return loadAudioAddon()?.ffmpegVersion ?? null;
  }

  /** Throws AudioError, with code `unsupported_codec` where audio.node is not there. */
  static async open(source: string | Uint8Array, { signal, ...options }: OpenDecoderOptions): Promise<FfmpegDecoder> {
    const addon = loadAudioAddon();
    if (addon === null) {
      throw new AudioError(
        'unsupported_codec',
        'audio.node was not built: run `npx autobird doctor` to see what it needs',
      );
    }
    return new FfmpegDecoder(await opened(signal, () => addon.openFfmpeg(source, { ...defaults, ...options })));
  }
}

async function opened(signal: AbortSignal | undefined, open: () => NativeOpening): Promise<NativeDecoder> {
  let opening: NativeOpening | undefined;
  const stop = () => opening?.stop();
  const decoder = await abortable(signal, stop, () => {
    opening = open();
    return opening.decoder;
  });
  // It was open already, and has been stopped all the same.
  if (signal?.aborted) decoder.dispose();
  signal?.throwIfAborted();
  return decoder;
}

/** Windowed-sinc resampling, streaming: how the input is cut into blocks does not change the output. */
export class Resampler implements Disposable {
  readonly #native: NativeResampler;

  /** Throws InvalidArgumentError unless both rates are positive integers with a ratio of at most 2,048. */
  constructor(sourceHz: number, targetHz: number) {
    this.#native = loadAddon().createResampler(sourceHz, targetHz);
  }

  /** Samples at the target rate that are ready; the rest stays inside. */
  push(samples: Float32Array): Promise<Float32Array> {
    return this.#native.push(samples);
  }

  /** What is left: ceil(targetHz * n / sourceHz) samples in all. The next push begins another signal. */
  flush(): Promise<Float32Array> {
    return this.#native.flush();
  }

  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Hashes, resamples and encodes a recording for a shard, whose samples no native decoder gives. */
export class RecordingEncoder implements Disposable {
  readonly #native: NativeRecordingEncoder;

  /** Throws InvalidArgumentError for rates that {@link Resampler} refuses and unless `blockSamples` is a positive integer. */
  constructor(sourceHz: number, targetHz: number, blockSamples: number) {
    this.#native = loadAddon().createRecordingEncoder(sourceHz, targetHz, blockSamples);
  }

  /** The whole blocks that are ready; the rest stays inside. */
  push(samples: Float32Array): Promise<EncodedStretch> {
    return this.#native.push(samples);
  }

  /** What is left, with `whole`. Nothing may follow. */
  finish(): Promise<EncodedStretch> {
    return this.#native.finish();
  }

  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A spectrogram of M bands and T frames, band after band. */
export interface Spectrogram {
  /** (M * T) */
  readonly data: Float32Array;
  readonly mels: number;
  readonly frames: number;
}

/** Log-mel spectrograms as the network sees them (before normalisation). */
export class LogMel implements Disposable {
  readonly options: FeatureOptions;
  readonly #native: NativeLogMel;

  /** Throws InvalidArgumentError where an option is out of range. */
  constructor(options: FeatureOptions) {
    this.options = options;
    this.#native = loadAddon().createLogMel(options);
  }

  /** 1 + floor(n / hopSamples) frames, centred, with reflected ends. */
  async compute(samples: Float32Array): Promise<Spectrogram> {
    const data = await this.#native.compute(samples);
    return { data, mels: this.options.nMels, frames: data.length / this.options.nMels };
  }

  /**
   * What drift detection keeps of clips of one stretch, which is zero beyond its ends: (N, 4), see DriftFeatures, in the order
   * of its fields. `background` changes nothing.
   */
  driftFeatures(samples: Float32Array, startSample: Float64Array, clipSamples: number): Promise<Float32Array> {
    return this.#native.driftFeatures(samples, startSample, clipSamples);
  }

  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Channels to mono: their mean, or one of them. Samples that are not finite count as 0. */
export class ChannelMixer {
  readonly #native: NativeChannelMixer;

  /** `channel`: from 1; 0 for the mean. Throws InvalidArgumentError. */
  constructor(channel: number, sampleRateHz: number) {
    this.#native = loadAddon().createChannelMixer(channel, sampleRateHz);
  }

  /** Channels of equal length. Throws AudioError `no_such_channel`. */
  planar(channels: readonly Float32Array[]): Float32Array {
    return this.#native.planar(channels);
  }

  /** Throws AudioError `no_such_channel`. */
  interleaved(samples: Float32Array, channels: number): Float32Array {
    return this.#native.interleaved(samples, channels);
  }

  /** What is wrong with the channels, so far. */
  get notes(): readonly string[] {
    return this.#native.notes();
  }

  /** The channel with the best signal so far, from 1. */
  get best(): number {
    return this.#native.best();
  }
}
