import { RecordingEncoder } from '../../bindings/audio.ts';
import type { AudioInfo, AudioSource } from './AudioSource.ts';
import { resampled } from './resample.ts';

export interface BlockSourceParts {
  readonly info: AudioInfo;
  /** Mono, at the file's own rate; taken once. */
  readonly blocks: AsyncIterable<Float32Array>;
  /** Final at the end of the blocks. */
  readonly state: () => Pick<AudioSource, 'damaged' | 'truncated' | 'notes' | 'bestChannel'>;
  readonly close: () => Promise<void>;
}

/** The source of a route whose blocks are decoded in JavaScript or by another program. */
export function blockSource({ info, blocks, state, close }: BlockSourceParts): AudioSource {
  const { sampleRateHz } = info;
  let decodedSamples = 0;
  let ended = false;
  async function* counted(): AsyncGenerator<Float32Array, void, undefined> {
    for await (const block of blocks) {
      decodedSamples += block.length;
      yield block;
    }
    ended = true;
  }
  return {
    info,
    blocks: counted,
    samplesAt: (targetHz) => resampled(counted(), sampleRateHz, targetHz),
    allSamples: null,
    get decodedSamples() {
      return decodedSamples;
    },
    encoded: async function* (targetHz, blockSamples) {
      using encoder = new RecordingEncoder(sampleRateHz, targetHz, blockSamples);
      for await (const block of counted()) {
        const stretch = await encoder.push(block);
        if (stretch.pcm.length > 0) yield stretch;
      }
      yield await encoder.finish();
    },
    get ended() {
      return ended;
    },
    get damaged() {
      return state().damaged;
    },
    get truncated() {
      return state().truncated;
    },
    get notes() {
      return state().notes;
    },
    get bestChannel() {
      return state().bestChannel;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
