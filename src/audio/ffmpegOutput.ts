import type { Readable } from 'node:stream';

/** What `ffmpeg` writes: float32 WAV on a pipe, and its log. */
export interface PipeFormat {
  readonly sampleRateHz: number;
  readonly channels: number;
}

const maxHeaderBytes = 1 << 16;

/** A WAV stream of unknown length, parsed as it arrives. */
export class WavPipe {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Reads up to the samples; null where the stream ends before. */
  async header(): Promise<PipeFormat | null> {
    for (;;) {
      const found = parseHeader(this.#rest);
      if (found !== null) {
        this.#rest = this.#rest.subarray(found.dataOffset);
        return found;
      }
      const next = await this.#chunks.next();
      if (next.done === true || this.#rest.length > maxHeaderBytes) return null;
      this.#rest = Buffer.concat([this.#rest, next.value]);
    }
  }

  /** Whole frames of interleaved samples. */
  async *frames(channels: number): AsyncGenerator<Float32Array, void, undefined> {
    const frameBytes = 4 * channels;
    for (;;) {
      const frameEnd = this.#rest.length - (this.#rest.length % frameBytes);
      if (frameEnd > 0) {
        // Copied: a Buffer's own memory need not be aligned for floats.
        const bytes = new Uint8Array(frameEnd);
        bytes.set(this.#rest.subarray(0, frameEnd));
        this.#rest = this.#rest.subarray(frameEnd);
        yield new Float32Array(bytes.buffer);
      }
      const next = await this.#chunks.next();
      if (next.done === true) return;
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
  }
}

function parseHeader(bytes: Buffer): (PipeFormat & { readonly dataOffset: number }) | null {
  let format: PipeFormat | null = null;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const id = bytes.toString('latin1', offset, offset + 4);
    const size = bytes.readUInt32LE(offset + 4);
    if (id === 'data') return format === null ? null : { ...format, dataOffset: offset + 8 };
    if (offset + 8 + size > bytes.length) return null;
    if (id === 'fmt ') {
      format = { channels: bytes.readUInt16LE(offset + 10), sampleRateHz: bytes.readUInt32LE(offset + 12) };
    }
    offset += 8 + size + (size % 2);
  }
  return null;
}

/** What `ffmpeg -v info` says of its input. */
export interface FfmpegLog {
  readonly container: string;
  readonly codec: string;
  /** Null where it says none, or guesses from the bit rate. */
  readonly durationS: number | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Packets that could not be decoded. */
  readonly damaged: number;
}

export function parseLog(log: string): FfmpegLog {
  const duration = /^ {2}Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)/m.exec(log);
  return {
    container: /^Input #0, ([^\n]+?), from/m.exec(log)?.[1] ?? 'unknown',
    codec: /Stream #0:\d+[^\n]*?: Audio: (\w+)/.exec(log)?.[1] ?? 'unknown',
    durationS:
      duration === null || log.includes('Estimating duration from bitrate')
        ? null
        : Number(duration[1]) * 3600 + Number(duration[2]) * 60 + Number(duration[3]),
    tags: parseTags(log),
    damaged: log.match(/Error (?:while decoding|submitting packet|processing packet)/g)?.length ?? 0,
  };
}

/** `Metadata:` blocks of the input: `    key             : value`, further lines of a value as `                    : …`. */
function parseTags(log: string): Record<string, string> {
  const input = /^Input #0[\s\S]*?(?=^\S|$(?![\s\S]))/m.exec(log)?.[0] ?? '';
  const tags = new Map<string, string>();
  let block = false;
  let key: string | undefined;
  for (const line of input.split('\n')) {
    const entry = /^ {4,6}(\S[^:]*?) *: (.*)$/.exec(line);
    const more = /^ {8,}: (.*)$/.exec(line);
    if (/^ +Metadata:$/.test(line)) {
      block = true;
    } else if (block && more !== null && key !== undefined) {
      tags.set(key, `${tags.get(key)}\n${more[1]}`);
    } else if (block && entry !== null) {
      key = tags.has(entry[1] as string) ? undefined : (entry[1] as string);
      if (key !== undefined) tags.set(key, entry[2] as string);
    } else {
      block = false;
    }
  }
  return Object.fromEntries(tags);
}
