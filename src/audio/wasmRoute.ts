import { ChannelMixer } from '../../bindings/audio.ts';
import { AudioError } from '../../bindings/errors.ts';
import type { AudioSource, RouteInput } from './AudioSource.ts';
import { blockSource } from './blockSource.ts';
import { checkLimits, durationGuard } from './limits.ts';
import { OggPages } from './OggPages.ts';
import type { AudioKind, Sniffed } from './sniff.ts';
import { openBytes } from './sourceBytes.ts';

/** What the decoders from npm have in common, as we use them. */
interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly unknown[];
}

interface WasmDecoder {
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Promise<Decoded>;
  free(): void;
}

interface Codec {
  readonly container: string;
  readonly codec: string;
  readonly create: () => Promise<WasmDecoder>;
}

// Loaded only when they are needed: each brings a WebAssembly module of 60 to 150 KB.
const codecs: Readonly<Partial<Record<AudioKind, Codec>>> = {
  mp3: {
    container: 'mp3',
    codec: 'mp3',
    create: async () => ready(new (await import('mpg123-decoder')).MPEGDecoder()),
  },
  flac: {
    container: 'flac',
    codec: 'flac',
    create: async () => ready(new (await import('@wasm-audio-decoders/flac')).FLACDecoder()),
  },
  'ogg-flac': {
    container: 'ogg',
    codec: 'flac',
    create: async () => ready(new (await import('@wasm-audio-decoders/flac')).FLACDecoder()),
  },
  'ogg-vorbis': {
    container: 'ogg',
    codec: 'vorbis',
    create: async () => ready(new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder()),
  },
  'ogg-opus': {
    container: 'ogg',
    codec: 'opus',
    create: async () => ready(new (await import('ogg-opus-decoder')).OggOpusDecoder({ forceStereo: false })),
  },
};

// Decoding runs on the JavaScript thread: so much of a file takes about 10 ms.
const chunkBytes = 1 << 15;

export function wasmDecodes(kind: AudioKind | null): boolean {
  return kind !== null && codecs[kind] !== undefined;
}

/** Streams through a WebAssembly decoder. Throws AudioError. */
export async function openWasm(input: RouteInput, { kind, offset }: Sniffed): Promise<AudioSource> {
  const codec = kind === null ? undefined : codecs[kind];
  if (codec === undefined) throw new AudioError('unsupported_codec', `There is no WebAssembly decoder for ${kind}`);
  const state: DecodeState = { damaged: 0, mixer: null };
  const blocks = decodeBlocks(input, codec, input.range?.start ?? offset, state);
  // The format is known once something is decoded.
  const first = await blocks.next();
  if (first.done === true) {
    if (state.damaged > 0) {
      throw new AudioError(
        'unreadable',
        `No packet of the ${codec.codec} stream could be decoded: the file is damaged`,
      );
    }
    throw new AudioError('no_samples', 'The file has a header but no samples: record or copy it again');
  }
  const { samples, sampleRateHz, channels } = first.value;
  async function* all(): AsyncGenerator<Float32Array, void, undefined> {
    yield samples;
    for await (const block of blocks) yield block.samples;
  }
  return blockSource({
    info: {
      container: codec.container,
      codec: codec.codec,
      sampleRateHz,
      channels,
      declaredDurationS: null,
      tags: {},
      decoder: 'wasm',
    },
    blocks: all(),
    state: () => ({
      damaged: state.damaged,
      truncated: false,
      notes: state.mixer?.notes ?? [],
      bestChannel: state.mixer?.best ?? 1,
    }),
    close: async () => {
      await blocks.return();
    },
  });
}

interface DecodeState {
  damaged: number;
  /** Once the rate is known. */
  mixer: ChannelMixer | null;
}

interface Block {
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly channels: number;
}

async function* decodeBlocks(
  { source, range, limits, channel, signal }: RouteInput,
  codec: Codec,
  start: number,
  state: DecodeState,
): AsyncGenerator<Block, void, undefined> {
  await using bytes = await openBytes(source);
  const decoder = await codec.create();
  try {
    let format: { sampleRateHz: number; guard: (samples: number) => void } | undefined;
    const pages = codec.container === 'ogg' ? new OggPages() : undefined;
    let offset = start;
    const end = range?.end ?? bytes.size;
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await bytes.readAt(offset, Math.min(chunkBytes, Math.max(0, end - offset)));
      offset += chunk.length;
      const atEnd = chunk.length === 0;
      const decoded = await decodeChunk(decoder, codec, atEnd ? null : (pages?.push(chunk) ?? chunk));
      if (decoded !== undefined) {
        state.damaged += decoded.errors.length;
        if (decoded.samplesDecoded > 0) {
          const { sampleRate: sampleRateHz, samplesDecoded } = decoded;
          const channels = decoded.channelData.length;
          checkLimits(limits, channels, sampleRateHz);
          format ??= { sampleRateHz, guard: durationGuard(limits, sampleRateHz) };
          state.mixer ??= new ChannelMixer(channel, sampleRateHz);
          if (sampleRateHz === format.sampleRateHz) {
            format.guard(samplesDecoded);
            const planes = decoded.channelData.map((plane) => plane.subarray(0, samplesDecoded));
            yield { samples: state.mixer.planar(planes), sampleRateHz, channels };
          } else {
            state.damaged += 1; // a stream may not change its rate on the way
          }
        }
      }
      if (atEnd) {
        state.damaged += pages?.damaged ?? 0;
        return;
      }
    }
  } finally {
    decoder.free();
  }
}

/** null for the end. A decoder that trips over damaged data is given up. */
async function decodeChunk(decoder: WasmDecoder, codec: Codec, bytes: Uint8Array | null): Promise<Decoded | undefined> {
  try {
    return await (bytes === null ? decoder.flush?.() : decoder.decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AudioError('unreadable', `The ${codec.codec} stream is damaged, its decoder gave up (${reason})`, {
      cause: error,
    });
  }
}

async function ready<D extends { readonly ready: Promise<void> }>(decoder: D): Promise<D> {
  await decoder.ready;
  return decoder;
}
