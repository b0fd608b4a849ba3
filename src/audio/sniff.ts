/**
 * What a file is, by its first bytes and never by its name: recordings named .mp3 that are WAV inside are common.
 */
export type AudioKind =
  | 'wav'
  | 'mp3'
  | 'flac'
  | 'ogg-vorbis'
  | 'ogg-opus'
  | 'ogg-flac'
  | 'ogg'
  | 'm4a'
  | 'aac'
  | 'aiff'
  | 'caf'
  | 'matroska'
  | 'asf'
  | 'w64'
  | 'wavpack'
  | 'ape';

export interface Sniffed {
  /** null: nothing we know, a demuxer that searches may still find something. */
  readonly kind: AudioKind | null;
  /** Where the audio begins, after an ID3 tag. */
  readonly offset: number;
  /** What it is instead, where it is surely no audio: *a PNG picture*. */
  readonly otherwise: string | null;
}

/** Bytes that {@link sniff} likes to see; fewer are fine. */
export const sniffBytes = 1 << 16;

const notAudio: readonly (readonly [string, string])[] = [
  ['\x89PNG', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['GIF8', 'a GIF picture'],
  ['%PDF', 'a PDF document'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b', 'a gzip archive'],
  ['\x7fELF', 'a program'],
  ['SQLite format 3', 'an SQLite database'],
];

/** The length of an ID3v2 tag at the beginning, 0 where there is none. */
export function id3Length(head: Uint8Array): number {
  if (ascii(head, 0, 3) !== 'ID3' || head.length < 10) return 0;
  const size = [6, 7, 8, 9].map((i) => head[i] as number);
  if (size.some((byte) => byte > 127)) return 0;
  const footer = ((head[5] as number) & 0x10) !== 0 ? 10 : 0;
  return 10 + footer + size.reduce((sum, byte) => sum * 128 + byte, 0);
}

/** `head`: the first bytes of the file; where it begins with an ID3 tag, `afterTag`: those behind the tag. */
export function sniff(head: Uint8Array, afterTag?: Uint8Array): Sniffed {
  const offset = id3Length(head);
  const bytes = offset > 0 ? (afterTag ?? head.subarray(offset)) : head;
  const kind = kindOf(bytes) ?? (offset > 0 ? 'mp3' : null);
  return { kind, offset, otherwise: kind === null ? otherKind(bytes) : null };
}

function kindOf(bytes: Uint8Array): AudioKind | null {
  const four = ascii(bytes, 0, 4);
  if (['RIFF', 'RIFX', 'RF64', 'BW64'].includes(four)) return ascii(bytes, 8, 4) === 'WAVE' ? 'wav' : null;
  if (four === 'fLaC') return 'flac';
  if (four === 'OggS') return oggKind(bytes);
  if (ascii(bytes, 4, 4) === 'ftyp') return 'm4a';
  if (four === 'FORM' && ['AIFF', 'AIFC'].includes(ascii(bytes, 8, 4))) return 'aiff';
  if (four === 'caff') return 'caf';
  if (four === '\x1aE\xdf\xa3') return 'matroska';
  if (four === '0&\xb2u') return 'asf';
  if (four === 'riff') return 'w64';
  if (four === 'wvpk') return 'wavpack';
  if (four === 'MAC ') return 'ape';
  if (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0) return 'aac';
  return hasMpegFrames(bytes) ? 'mp3' : null;
}

/** The codec's own header is the first packet of the first page. */
function oggKind(bytes: Uint8Array): AudioKind {
  const packet = 27 + (bytes[26] ?? 0);
  if (ascii(bytes, packet, 8) === 'OpusHead') return 'ogg-opus';
  if (ascii(bytes, packet, 7) === '\x01vorbis') return 'ogg-vorbis';
  if (ascii(bytes, packet, 5) === '\x7fFLAC') return 'ogg-flac';
  return 'ogg';
}

/** Two frames in a row within what we have: eleven bits of sync alone are found in any picture. */
function hasMpegFrames(bytes: Uint8Array): boolean {
  for (let i = 0; i + 4 <= bytes.length; i++) {
    if (bytes[i] !== 0xff) continue;
    const frame = mpegFrameAt(bytes, i);
    if (frame === null) continue;
    const next = i + frame.length;
    if (next + 4 <= bytes.length ? mpegFrameAt(bytes, next) !== null : i === 0) return true;
  }
  return false;
}

const bitRates: Readonly<Record<string, readonly number[]>> = {
  '1.1': [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  '1.2': [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  '1.3': [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2.1': [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  '2.2': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

export interface MpegFrame {
  /** In bytes. */
  readonly length: number;
  /** Of each channel. */
  readonly samples: number;
  readonly sampleRateHz: number;
}

/** The MPEG audio frame that begins at `i`; null where none does. Free-format frames are not recognised. */
export function mpegFrameAt(bytes: Uint8Array, i: number): MpegFrame | null {
  const [b0, b1, b2] = [bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number];
  if (b0 !== 0xff || (b1 & 0xe0) !== 0xe0) return null;
  const version = (b1 >> 3) & 3; // 0: 2.5, 2: 2, 3: 1
  const layer = 4 - ((b1 >> 1) & 3);
  const rateIndex = (b2 >> 2) & 3;
  const bitRateIndex = b2 >> 4;
  if (version === 1 || layer === 4 || rateIndex === 3 || bitRateIndex === 0 || bitRateIndex === 15) return null;
  const table = version === 3 ? `1.${layer}` : layer === 1 ? '2.1' : '2.2';
  const bitsPerSecond = ((bitRates[table] as readonly number[])[bitRateIndex - 1] as number) * 1000;
  const sampleRateHz = ([44100, 48000, 32000][rateIndex] as number) / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (b2 >> 1) & 1;
  if (layer === 1) {
    return { length: (Math.floor((12 * bitsPerSecond) / sampleRateHz) + padding) * 4, samples: 384, sampleRateHz };
  }
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  return { length: Math.floor(((samples / 8) * bitsPerSecond) / sampleRateHz) + padding, samples, sampleRateHz };
}

function otherKind(bytes: Uint8Array): string | null {
  for (const [magic, name] of notAudio) {
    if (ascii(bytes, 0, magic.length) === magic) return name;
  }
  const start = bytes.subarray(0, 1024);
  const isText = start.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
  return isText ? 'a text' : null;
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
