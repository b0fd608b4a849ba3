import type {
  ByteRange,
  DecodeLimits,
  DecoderInfo,
  EncodedStretch,
  NativeSamples,
  ReadAhead,
} from '../../bindings/native.ts';

/** How a file is decoded: `wav` our own, `ffmpeg` the libraries, `ffmpeg-cli` the program on PATH, `wasm` npm packages. */
export type DecoderRoute = 'wav' | 'ffmpeg' | 'ffmpeg-cli' | 'wasm';

/** The order in which routes are tried. */
export const decoderRoutes: readonly DecoderRoute[] = ['wav', 'ffmpeg', 'ffmpeg-cli', 'wasm'];

export interface AudioInfo extends DecoderInfo {
  readonly decoder: DecoderRoute;
}

/** One audio file, read once from beginning to end. */
export interface AudioSource extends AsyncDisposable {
  readonly info: AudioInfo;
  /** The channel with the best signal, from 1, where the source was opened to choose one; final once the blocks have ended. */
  readonly bestChannel: number;
  /** Mono samples at the file's own rate, block after block; only what is read is decoded. Throws AudioError. */
  blocks(): AsyncGenerator<Float32Array, void, undefined>;
  /** Instead of {@link blocks}: mono samples at `targetHz`, stretch after stretch. Throws AudioError. */
  samplesAt(targetHz: number): AsyncGenerator<Float32Array, void, undefined>;
  /**
   * All samples at the rate of `readAhead`, without a way through JavaScript; null where the recording is longer than that,
   * without `readAhead`, or where the route cannot. Gone once the source is closed.
   */
  readonly allSamples: NativeSamples | null;
  /** Samples at the file's own rate that were decoded so far. */
  readonly decodedSamples: number;
  /** It was read to its end. */
  readonly ended: boolean;
  /**
   * Instead of {@link blocks}: the samples as shards hold them, in blocks of `blockSamples` at `targetHz`, stretch after
   * stretch; the last one has `whole`. Throws AudioError.
   */
  encoded(targetHz: number, blockSamples: number): AsyncGenerator<EncodedStretch, void, undefined>;
  /** Packets (WAV: samples) that could not be decoded so far. */
  readonly damaged: number;
  /** The file ended before its header said. Final once the blocks have ended. */
  readonly truncated: boolean;
  /** What else a reader should know, in sentences without a capital and a full stop. Final once the blocks have ended. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** What a route is given. */
export interface RouteInput {
  /** A path, or the bytes of a file. */
  readonly source: string | Uint8Array;
  /** The part of it that is this recording; null for all of it. */
  readonly range: ByteRange | null;
  readonly limits: DecodeLimits;
  /** The channel that becomes the samples, from 1; 0 for the mean, -1 for the mean where the best channel is to be known. */
  readonly channel: number;
  readonly signal: AbortSignal | undefined;
  /** Read in the crossing that opens, by routes that can; {@link AudioSource.samplesAt} must then name its rate. */
  readonly readAhead: ReadAhead | null;
}
