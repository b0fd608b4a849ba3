/**
 * Facts about the sound of a file from its bytes, whichever decoder reads it: where one recording ends and another begins, how long it
 * should be, whether its end is missing, and the tags that decoders without a container's knowledge do not give.
 */
import type { ByteRange } from '../../bindings/native.ts';
import { mpegFrameAt, type Sniffed } from './sniff.ts';
import type { SourceBytes } from './sourceBytes.ts';
import { readId3, readVorbisComments } from './tags.ts';

export interface FileFacts {
  /** The recordings in it, one behind the other; nearly always one. */
  readonly parts: readonly ByteRange[];
  /** Seconds of sound that a header promises; null where none does, or where there are several parts. */
  readonly promisedS: number | null;
  /** It ends in the middle of a page or frame, or before the page that is marked as the last. */
  readonly cut: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

const maxParts = 1000;
const headBytes = 1 << 16;
const scanBytes = 1 << 20;
const largestFrameBytes = 1 << 12;

/** Of FLAC, Ogg and MP3; null for what FFmpeg or our own decoder knows better. */
export async function readFacts(bytes: SourceBytes, { kind, offset }: Sniffed): Promise<FileFacts | null> {
  const allBytes: ByteRange = { start: offset, end: bytes.size };
  switch (kind) {
    case 'flac':
      return await flacFacts(bytes, allBytes);
    case 'ogg-vorbis':
    case 'ogg-opus':
    case 'ogg-flac':
    case 'ogg':
      return await oggFacts(bytes, allBytes);
    case 'mp3':
      return await mp3Facts(bytes, offset);
    default:
      return null;
  }
}

/** The mark of a stream and the header of its first block, which is the last or is not, and always has 34 bytes. */
const flacMark = Buffer.from('fLaC', 'latin1');
const flacStart = /^fLaC[\0\x80]\0\0\x22$/;
const flacStartBytes = 8;

async function flacFacts(bytes: SourceBytes, allBytes: ByteRange): Promise<FileFacts> {
  const starts = [allBytes.start];
  for await (const { data, at } of stretches(bytes, allBytes.start + flacStartBytes, flacStartBytes - 1)) {
    for (let i = data.indexOf(flacMark); i >= 0; i = data.indexOf(flacMark, i + 1)) {
      if (flacStart.test(data.toString('latin1', i, i + flacStartBytes))) starts.push(at + i);
    }
  }
  const parts = rangesOf(starts, allBytes.end);
  const head = Buffer.from(await bytes.readAt(allBytes.start, headBytes));
  return { parts, promisedS: parts.length === 1 ? flacSeconds(head) : null, cut: false, tags: flacTags(head) };
}

function flacSeconds(head: Buffer): number | null {
  if (head.length < 26) return null;
  const rate = head.readUIntBE(18, 3) >> 4;
  const samples = (head.readUInt8(21) & 15) * 2 ** 32 + head.readUInt32BE(22);
  return samples === 0 || rate === 0 ? null : samples / rate;
}

function flacTags(head: Buffer): Record<string, string> {
  for (let at = 4; at + 4 <= head.length; ) {
    const type = head.readUInt8(at);
    const length = head.readUIntBE(at + 1, 3);
    if ((type & 127) === 4) return readVorbisComments(head.subarray(at + 4, at + 4 + length));
    if (type > 127) break;
    at += 4 + length;
  }
  return {};
}

const pageHeaderBytes = 27;
const firstPage = 2;
const lastPage = 4;

async function oggFacts(bytes: SourceBytes, allBytes: ByteRange): Promise<FileFacts> {
  const starts: number[] = [];
  let next = allBytes.start;
  let wasFirst = false;
  let ended = false;
  for await (const { data, at } of stretches(bytes, allBytes.start, pageHeaderBytes + 255)) {
    for (;;) {
      let i = next - at;
      if (i + pageHeaderBytes > data.length) break;
      if (data.toString('latin1', i, i + 4) !== 'OggS') {
        // Damaged, or something else lies between two pages.
        i = data.indexOf('OggS', Math.max(0, i), 'latin1');
        if (i < 0) {
          next = at + data.length - 3;
          break;
        }
        next = at + i;
        if (i + pageHeaderBytes > data.length) break;
      }
      const bodyStart = i + pageHeaderBytes + data.readUInt8(i + 26);
      if (bodyStart > data.length) break;
      const flags = data.readUInt8(i + 5);
      // Pages of several streams that begin together (a skeleton, a picture) are one recording.
      if ((flags & firstPage) !== 0 && !wasFirst) starts.push(next);
      wasFirst = (flags & firstPage) !== 0;
      ended = (flags & lastPage) !== 0;
      next = at + data.subarray(i + pageHeaderBytes, bodyStart).reduce((sum, lacing) => sum + lacing, bodyStart);
    }
  }
  if (starts[0] !== allBytes.start) starts.unshift(allBytes.start);
  const head = Buffer.from(await bytes.readAt(allBytes.start, headBytes));
  return {
    parts: rangesOf(starts, allBytes.end),
    promisedS: null,
    cut: !ended || next !== allBytes.end,
    tags: oggTags(head),
  };
}

/** The second packet of the stream, without what its codec puts before the comments. */
function oggTags(head: Buffer): Record<string, string> {
  const packets: Buffer[] = [];
  let packet: Buffer[] = [];
  for (let at = 0; at + pageHeaderBytes <= head.length && head.toString('latin1', at, at + 4) === 'OggS'; ) {
    const count = head.readUInt8(at + 26);
    let body = at + pageHeaderBytes + count;
    for (const lacing of head.subarray(at + pageHeaderBytes, body)) {
      packet.push(head.subarray(body, body + lacing));
      body += lacing;
      if (lacing === 255) continue;
      packets.push(Buffer.concat(packet));
      packet = [];
    }
    if (packets.length >= 2) break;
    at = body;
  }
  const comments = packets[1] ?? (packet.length > 0 && packets.length === 1 ? Buffer.concat(packet) : Buffer.alloc(0));
  for (const prefix of ['\x03vorbis', 'OpusTags']) {
    if (comments.toString('latin1', 0, prefix.length) === prefix)
      return readVorbisComments(comments.subarray(prefix.length));
  }
  return (comments[0] ?? 255) % 128 === 4 ? readVorbisComments(comments.subarray(4)) : {};
}

/** Frames that a header promises (Xing, Info, VBRI), and whether the last one is whole. */
async function mp3Facts(bytes: SourceBytes, offset: number): Promise<FileFacts> {
  const head = Buffer.from(await bytes.readAt(offset, headBytes));
  const tags = offset > 0 ? readId3(Buffer.from(await bytes.readAt(0, Math.min(offset, headBytes)))) : {};
  const first = firstFrame(head);
  // What lies before the first frame keeps decoders from finding the header in it, and is then played itself.
  const parts = [{ start: first === null || first.at === 0 ? 0 : offset + first.at, end: bytes.size }];
  if (first === null) return { parts, promisedS: null, cut: false, tags };
  const frame = head.subarray(first.at, first.at + Math.max(first.length, 200));
  const tagAt = Math.max(frame.indexOf('Xing', 0, 'latin1'), frame.indexOf('Info', 0, 'latin1'));
  let frames = 0;
  if (tagAt >= 0 && tagAt < 40 && tagAt + 12 <= frame.length && (frame.readUInt32BE(tagAt + 4) & 1) === 1) {
    frames = frame.readUInt32BE(tagAt + 8);
  } else if (frame.toString('latin1', 36, 40) === 'VBRI' && frame.length >= 54) {
    frames = frame.readUInt32BE(50);
  }
  const promisedS = frames === 0 ? null : (frames * first.samples) / first.sampleRateHz;
  return { parts, promisedS, cut: promisedS === null && (await endsInFrame(bytes)), tags };
}

function firstFrame(data: Buffer): { at: number; length: number; samples: number; sampleRateHz: number } | null {
  for (let at = 0; at + 4 <= data.length; at++) {
    const frame = mpegFrameAt(data, at);
    if (frame === null) continue;
    const next = at + frame.length;
    if (next + 4 > data.length || mpegFrameAt(data, next) !== null) return { at, ...frame };
  }
  return null;
}

/**
 * The stretches of equal rate of an MP3 file. Files that were joined may change it on the way, which FFmpeg notices and the
 * WebAssembly decoder does not.
 */
export async function mp3Parts(bytes: SourceBytes, { start, end }: ByteRange): Promise<ByteRange[]> {
  const starts = [start];
  let next = start;
  let rate = 0;
  for await (const { data, at } of stretches(bytes, start, 2 * largestFrameBytes)) {
    for (;;) {
      const i = next - at;
      if (i + largestFrameBytes > data.length && at + data.length < end) break;
      const frame = i + 4 <= data.length ? mpegFrameAt(data, i) : null;
      if (frame === null) {
        if (i + 4 > data.length) break;
        next += 1; // garbage or a tag: the next frame is searched
        continue;
      }
      // One header alone may be found in anything; frames that follow each other are frames.
      const follows = i + frame.length + 4 > data.length ? null : mpegFrameAt(data, i + frame.length);
      if (frame.sampleRateHz !== rate && follows?.sampleRateHz === frame.sampleRateHz) {
        if (rate !== 0) starts.push(next);
        rate = frame.sampleRateHz;
      }
      next += frame.length;
    }
  }
  return rangesOf(starts, end);
}

/** Follows frames through the last bytes: the one that begins last must not be longer than what is there. */
async function endsInFrame(bytes: SourceBytes): Promise<boolean> {
  const tail = Buffer.from(await bytes.readAt(Math.max(0, bytes.size - 16_384), 16_384));
  const first = firstFrame(tail);
  if (first === null) return false;
  let { at } = first;
  for (;;) {
    const frame = at + 4 <= tail.length ? mpegFrameAt(tail, at) : null;
    if (frame === null) return false; // the end, a tag or something else
    if (at + frame.length > tail.length) return true;
    at += frame.length;
  }
}

/** The file in large pieces (each is gone with the next) that overlap, so that a mark lies whole in one of them. */
async function* stretches(
  bytes: SourceBytes,
  start: number,
  overlap: number,
): AsyncGenerator<{ data: Buffer; at: number }, void> {
  const target = Buffer.allocUnsafeSlow(Math.max(overlap + 1, Math.min(scanBytes, bytes.size - start)));
  for (let at = start; at < bytes.size; ) {
    const data = await bytes.readInto(target, at);
    yield { data, at };
    if (at + data.length >= bytes.size || data.length <= overlap) return;
    at += data.length - overlap;
  }
}

function rangesOf(starts: readonly number[], end: number): ByteRange[] {
  const sorted = [...new Set(starts)].sort((a, b) => a - b);
  // Nobody joins so many recordings: it is no joined file, or one that was made to keep us busy.
  if (sorted.length > maxParts) return [{ start: sorted[0] as number, end }];
  return sorted.map((start, i) => ({ start, end: sorted[i + 1] ?? end }));
}
