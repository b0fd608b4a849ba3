import { onAbort } from '../../bindings/abortable.ts';
import { FfmpegDecoder, WavDecoder } from '../../bindings/audio.ts';
import type { AudioSource, DecoderRoute, RouteInput } from './AudioSource.ts';

/** Seconds that are decoded in one crossing. */
const stretchS = 16;

export async function openWav({ source, readAhead, ...options }: RouteInput): Promise<AudioSource> {
  return nativeSource(await WavDecoder.open(source, { ...options, ahead: readAhead }), 'wav', options.signal);
}

export async function openFfmpeg({ source, readAhead, ...options }: RouteInput): Promise<AudioSource> {
  return nativeSource(await FfmpegDecoder.open(source, { ...options, ahead: readAhead }), 'ffmpeg', options.signal);
}

function nativeSource(
  decoder: WavDecoder | FfmpegDecoder,
  route: DecoderRoute,
  signal: AbortSignal | undefined,
): AudioSource {
  const close = async () => decoder.dispose();
  /** Crossing after crossing until one gives null; an abort ends the one that is going on. */
  async function* each<T>(next: () => Promise<T | null>): AsyncGenerator<T, void, undefined> {
    const forget = onAbort(signal, close);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const item = await next();
        if (item === null) return;
        yield item;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      forget();
    }
  }
  return {
    info: { ...decoder.info, decoder: route },
    blocks: () => each(() => decoder.read()),
    samplesAt: (targetHz) => {
      let { ahead } = decoder;
      return each(async () => {
        const first = ahead;
        ahead = null;
        if (first !== null && first.length > 0) return first.toArray();
        return decoder.progress.ended ? null : await decoder.readAt(targetHz, stretchS * targetHz);
      });
    },
    get allSamples() {
      return decoder.progress.ended ? decoder.ahead : null;
    },
    get decodedSamples() {
      return decoder.progress.decodedSamples;
    },
    encoded: (targetHz, blockSamples) => {
      let ended = false;
      return each(async () => {
        if (ended) return null;
        const stretch = await decoder.encode(targetHz, blockSamples, stretchS * targetHz);
        ended = stretch.whole !== null;
        return stretch;
      });
    },
    get ended() {
      return decoder.progress.ended;
    },
    get damaged() {
      return decoder.progress.damaged;
    },
    get truncated() {
      return decoder.progress.truncated;
    },
    get notes() {
      return decoder.progress.notes;
    },
    get bestChannel() {
      return decoder.progress.bestChannel;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
