/**
 * The one way into an audio file, whatever it is called and however it is decoded: FFmpeg's libraries where they are,
 * else the `ffmpeg` program, else WebAssembly decoders; WAV is always our own. All give mono samples by the same downmix.
 */
import { FfmpegDecoder } from '../../bindings/audio.ts';
import { AudioError, expected } from '../../bindings/errors.ts';
import type { ByteRange, DecodeLimits, ReadAhead } from '../../bindings/native.ts';
import { type AudioSource, type DecoderRoute, decoderRoutes, type RouteInput } from './AudioSource.ts';
import { openChain } from './chain.ts';
import { channelNumber, openBestChannel } from './channel.ts';
import type { Channel } from './channelSchema.ts';
import { findFfmpeg, openFfmpegCli } from './ffmpegCliRoute.ts';
import { type FileFacts, mp3Parts, readFacts } from './fileFacts.ts';
import { defaultDecodeLimits } from './limits.ts';
import { openFfmpeg, openWav } from './nativeRoutes.ts';
import { id3Length, type Sniffed, sniff, sniffBytes } from './sniff.ts';
import { openBytes } from './sourceBytes.ts';
import { openWasm, wasmDecodes } from './wasmRoute.ts';

export interface OpenAudioOptions {
  /** Checked before memory is taken, and while decoding. Default 32 channels, 768 kHz, 24 hours. */
  readonly limits?: Partial<DecodeLimits>;
  /**
   * Which channels become the samples: their `mean` (default), the `left` or `right` one, one by its number from 1, or the
   * `best`: that in which sound stands out most from its surroundings, for which the recording is read twice.
   */
  readonly channel?: Channel;
  /** Stops opening and decoding; what waits rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** What is read in one go with opening, where the decoder can; see {@link AudioSource.allSamples}. Default nothing. */
  readonly readAhead?: ReadAhead;
  /** The decoders that may be used, tried in this order. Default `wav`, `ffmpeg`, `ffmpeg-cli`, `wasm`. */
  readonly decoders?: readonly DecoderRoute[];
}

/**
 * Opens a file or the bytes of one. What it is is decided by its content.
 *
 * ```ts
 * await using audio = await openAudio('dawn.mp3');
 * for await (const block of audio.blocks()) { … }
 * ```
 *
 * Throws AudioError: `empty_file`, `not_audio`, `too_long`, `too_many_channels`, `bad_rate`, `unsupported_codec`,
 * `unreadable`, `no_samples`; reading throws `no_such_channel`, `too_long`.
 */
export async function openAudio(source: string | Uint8Array, options: OpenAudioOptions = {}): Promise<AudioSource> {
  const { signal, decoders = decoderRoutes, readAhead = null, channel = 'mean' } = options;
  for (const route of decoders) {
    if (!decoderRoutes.includes(route)) throw expected(`one of ${decoderRoutes.join(', ')}`, 'decoders', route);
  }
  signal?.throwIfAborted();
  const sniffed = await sniffSource(source);
  if (sniffed.otherwise !== null) {
    throw new AudioError('not_audio', `The file is no recording but ${sniffed.otherwise}: leave it out`);
  }
  const limits = { ...defaultDecodeLimits, ...options.limits };
  const { facts } = sniffed;
  const input: RouteInput = {
    source,
    range: rangeOf(sniffed),
    limits,
    channel: channelNumber(channel),
    signal,
    readAhead,
  };
  let refusal: AudioError | undefined;
  const tried: DecoderRoute[] = [];
  for (const route of decoders) {
    signal?.throwIfAborted();
    const openOne = openerFor(route, sniffed);
    if (openOne === null) continue;
    tried.push(route);
    const open = (input: RouteInput) =>
      facts !== null && facts.parts.length > 1 ? openChain(openOne, input, facts.parts) : openOne(input);
    try {
      const opened = await (channel === 'best' ? openBestChannel(open, input) : open(input));
      return withFacts(opened, facts ?? unknownFacts(opened));
    } catch (error) {
      signal?.throwIfAborted();
      // Another decoder may know the format.
      const others = sniffed.kind === null ? [...notMine, 'unreadable'] : notMine;
      if (!(error instanceof AudioError) || !others.includes(error.code)) throw error;
      refusal ??= error;
    }
  }
  // No decoder knows the format: this message says more than the guess of the last one.
  if (sniffed.kind === null || refusal === undefined) throw missingDecoder(sniffed);
  if (sniffed.kind !== 'wav') throw refusal;
  const remedy = tried.some((route) => route.startsWith('ffmpeg'))
    ? ' and FFmpeg does not decode it either: convert the file to PCM'
    : ' which needs FFmpeg: install FFmpeg, or convert the file to PCM';
  throw new AudioError(refusal.code, `${refusal.message},${remedy}`);
}

/** Lost packets are missing for another reason, each at most about 0.15 s long. */
function isShort({ ended, decodedSamples, damaged, info }: AudioSource, promisedS: number | null): boolean {
  if (!ended || promisedS === null) return false;
  return promisedS - decodedSamples / info.sampleRateHz > 0.25 + 0.15 * damaged;
}

/** The program's log names a duration, but the program does not compare; the libraries' route and our own do. */
function unknownFacts({ info }: AudioSource): Omit<FileFacts, 'parts'> {
  return { promisedS: info.decoder === 'ffmpeg-cli' ? info.declaredDurationS : null, cut: false, tags: {} };
}

/** The facts of the decoder, with those from the bytes of the file. */
function withFacts(source: AudioSource, { promisedS, cut, tags }: Omit<FileFacts, 'parts'>): AudioSource {
  return Object.create(source, {
    info: { value: { ...source.info, tags: { ...tags, ...source.info.tags } } },
    truncated: { get: () => cut || source.truncated || isShort(source, promisedS) },
  }) as AudioSource;
}

/** MP3 decoders know the tags before their frames; a tag before anything else is in the way. */
function rangeOf({ kind, offset, size, facts }: SniffedSource): ByteRange | null {
  const start = kind === null ? 0 : (facts?.parts[0]?.start ?? offset);
  return start === 0 ? null : { start, end: size };
}

const notMine = ['unsupported_codec', 'not_audio'];

function openerFor(route: DecoderRoute, sniffed: SniffedSource): ((input: RouteInput) => Promise<AudioSource>) | null {
  switch (route) {
    case 'wav':
      return sniffed.kind === 'wav' ? openWav : null;
    case 'ffmpeg':
      return FfmpegDecoder.available ? openFfmpeg : null;
    case 'ffmpeg-cli': {
      const program = findFfmpeg();
      return program === null ? null : (input) => openFfmpegCli(input, program);
    }
    case 'wasm':
      return wasmDecodes(sniffed.kind) ? (input) => openWasmParts(input, sniffed) : null;
  }
}

async function openWasmParts(input: RouteInput, sniffed: SniffedSource): Promise<AudioSource> {
  const open = (input: RouteInput) => openWasm(input, sniffed);
  if (sniffed.kind !== 'mp3') return await open(input);
  await using bytes = await openBytes(input.source);
  const parts = await mp3Parts(bytes, input.range ?? { start: sniffed.offset, end: sniffed.size });
  return await (parts.length > 1 ? openChain(open, input, parts) : open(input));
}

interface SniffedSource extends Sniffed {
  /** Bytes of the file. */
  readonly size: number;
  readonly facts: FileFacts | null;
}

async function sniffSource(source: string | Uint8Array): Promise<SniffedSource> {
  await using bytes = await openBytes(source);
  const head = await bytes.readAt(0, sniffBytes);
  const tag = id3Length(head);
  const sniffed = sniff(head, tag > 0 ? await bytes.readAt(tag, sniffBytes) : undefined);
  return { ...sniffed, size: bytes.size, facts: await readFacts(bytes, sniffed) };
}

function missingDecoder({ kind }: Sniffed): AudioError {
  if (kind === null) {
    return new AudioError(
      'not_audio',
      'The file is not recognised as audio: it is of another kind, or its beginning is lost. Leave it out or copy it again',
    );
  }
  return new AudioError(
    'unsupported_codec',
    `Decoding ${kind} needs FFmpeg, which was not found: install it (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg), or convert the file to WAV or FLAC`,
  );
}
