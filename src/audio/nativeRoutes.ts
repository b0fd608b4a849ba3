import { FfmpegDecoder, WavDecoder } from '../../bindings/audio.ts';
import type { AudioSource, DecoderRoute, RouteInput } from './AudioSource.ts';

export async function openWav(input: RouteInput): Promise<AudioSource> {
  return nativeSource(await WavDecoder.open(input.source, input.limits), 'wav', input.signal);
}

export async function openFfmpeg(input: RouteInput): Promise<AudioSource> {
  return nativeSource(await FfmpegDecoder.open(input.source, input.limits), 'ffmpeg', input.signal);
}

function nativeSource(
  decoder: WavDecoder | FfmpegDecoder,
  route: DecoderRoute,
  signal: AbortSignal | undefined,
): AudioSource {
  const close = async () => decoder.dispose();
  return {
    info: { ...decoder.info, decoder: route },
    async *blocks() {
      const stop = () => decoder.dispose();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        for (;;) {
          signal?.throwIfAborted();
          const block = await decoder.read();
          if (block === null) return;
          yield block;
        }
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    },
    get damaged() {
      return decoder.damaged;
    },
    get truncated() {
      return decoder.truncated;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
