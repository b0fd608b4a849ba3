/** Tags under the names that FFmpeg gives them; the first of equal names wins. */

/** As in native/addon/decoder_options.h. */
const maxTags = 512;

const vorbisNames: Readonly<Record<string, string>> = {
  tracknumber: 'track',
  discnumber: 'disc',
  description: 'comment',
};

/** Vorbis comments, as FLAC and Ogg have them. What is cut off is left out. */
export function readVorbisComments(data: Buffer): Record<string, string> {
  const tags = new Map<string, string>();
  let at = 0;
  const text = () => {
    if (at + 4 > data.length) return null;
    const length = data.readUInt32LE(at);
    at += 4 + length;
    return at > data.length ? null : data.toString('utf8', at - length, at);
  };
  text(); // the writer, which is not needed
  at += 4; // how many follow
  for (let line = text(); line !== null; line = text()) {
    const equals = line.indexOf('=');
    if (equals <= 0) continue;
    const key = line.slice(0, equals).toLowerCase();
    add(tags, vorbisNames[key] ?? key, line.slice(equals + 1));
  }
  return Object.fromEntries(tags);
}

const id3Names: Readonly<Record<string, string>> = {
  TIT2: 'title',
  TT2: 'title',
  TPE1: 'artist',
  TP1: 'artist',
  TALB: 'album',
  TAL: 'album',
  TDRC: 'date',
  TYER: 'date',
  TYE: 'date',
  TCOP: 'copyright',
  TCON: 'genre',
  TSSE: 'encoder',
  COMM: 'comment',
  COM: 'comment',
};

/** Text frames of an ID3v2 tag (2.2 to 2.4). */
export function readId3(data: Buffer): Record<string, string> {
  const tags = new Map<string, string>();
  const version = data[3] ?? 0;
  if (data.toString('latin1', 0, 3) !== 'ID3' || version < 2 || version > 4) return {};
  const idBytes = version === 2 ? 3 : 4;
  const headerBytes = version === 2 ? 6 : 10;
  let at = 10;
  if (version > 2 && ((data[5] ?? 0) & 0x40) !== 0 && data.length > 14) {
    at += version === 4 ? sevenBits(data, 10) : 4 + data.readUInt32BE(10); // an extended header
  }
  while (at + headerBytes <= data.length && data[at] !== 0) {
    const id = data.toString('latin1', at, at + idBytes);
    const size =
      version === 2 ? data.readUIntBE(at + 3, 3) : version === 4 ? sevenBits(data, at + 4) : data.readUInt32BE(at + 4);
    const body = data.subarray(at + headerBytes, at + headerBytes + size);
    at += headerBytes + size;
    const key = id3Names[id];
    if (key === undefined || body.length < 2) continue;
    const encoding = body[0] ?? 0;
    // A comment has a language and a description before its text.
    const parts = decoded(key === 'comment' ? body.subarray(4) : body.subarray(1), encoding).split('\0');
    add(tags, key, (key === 'comment' ? (parts[1] ?? parts[0]) : parts[0]) ?? '');
  }
  return Object.fromEntries(tags);
}

function sevenBits(data: Buffer, at: number): number {
  return [0, 1, 2, 3].reduce((sum, i) => sum * 128 + ((data[at + i] ?? 0) & 127), 0);
}

function decoded(bytes: Buffer, encoding: number): string {
  if (encoding === 0) return bytes.toString('latin1');
  if (encoding === 3) return bytes.toString('utf8');
  const bigEndian = encoding === 2 || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return new TextDecoder(bigEndian ? 'utf-16be' : 'utf-16le').decode(bytes).replaceAll('\ufeff', '');
}

function add(tags: Map<string, string>, key: string, value: string): void {
  const trimmed = value.replace(/\0+$/, '').trim();
  if (trimmed !== '' && !tags.has(key) && tags.size < maxTags) tags.set(key, trimmed);
}
