import { TextDecoder } from 'node:util';
import { FormatError } from '../../bindings/errors.ts';

/** What Windows puts at 0x80 to 0x9F, where Latin-1 has control characters. TextDecoder of Node 20 confuses the two. */
const windows1252 =
  '\u20AC\x81\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\x8D\u017D\x8F' +
  '\x90\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\x9D\u017E\u0178';

export interface DecodedText {
  readonly text: string;
  /** What was taken for granted, for the user to see; null for Unicode. */
  readonly note: string | null;
}

/**
 * The text of a file that spreadsheets write: UTF-8 or UTF-16, with or without a byte order mark; Windows-1252 where it is
 * neither.
 *
 * @throws FormatError `bad_encoding` for bytes that are no text in any of these
 */
export function decodeText(bytes: Uint8Array, name: string): DecodedText {
  const unicode = decodeUnicode(bytes, unicodeOf(bytes));
  if (unicode !== null && !unicode.includes('\0')) return { text: unicode, note: null };
  return { text: decodeWindows1252(bytes, name), note: windows1252Note(name) };
}

/** Bytes are not Unicode: what was made of them so far is to be forgotten. */
export class NotUnicodeError extends Error {}

/** The pieces of a text, as {@link decodeText} has it whole. @throws NotUnicodeError, which may come late */
export async function* decodedUnicode(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let decoder: TextDecoder | null = null;
  const decoded = (bytes?: Uint8Array) => {
    try {
      const text = (decoder as TextDecoder).decode(bytes, { stream: bytes !== undefined });
      if (!text.includes('\0')) return text;
    } catch {
      // Said below.
    }
    throw new NotUnicodeError();
  };
  for await (const bytes of pieces) {
    decoder ??= new TextDecoder(unicodeOf(bytes), { fatal: true });
    yield decoded(bytes);
  }
  if (decoder !== null) yield decoded();
}

/** The pieces of a text that is not Unicode. @throws FormatError `bad_encoding` */
export async function* decodedWindows1252(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void> {
  for await (const bytes of pieces) yield decodeWindows1252(bytes, name);
}

export function windows1252Note(name: string): string {
  return `${name} is not UTF-8 and was read as Windows-1252: look at its accents, or save it as "CSV UTF-8"`;
}

function decodeWindows1252(bytes: Uint8Array, name: string): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/[\x80-\x9F]/g, (unit) => windows1252[unit.charCodeAt(0) - 0x80] as string);
  // A table has no control characters but tabs and ends of lines.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[\0-\x08\x0E-\x1F\x7F-\x9F]/.test(text)) return text;
  throw new FormatError(
    'bad_encoding',
    `${name} is no text in UTF-8, UTF-16 or Windows-1252: save it as "CSV UTF-8" (an Excel workbook is not read)`,
  );
}

function unicodeOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first = 0, second = 0] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  // Without a mark: of a header in ASCII every second byte is zero.
  if (first !== 0 && second === 0 && bytes.length > 2) return 'utf-16le';
  return first === 0 && second !== 0 ? 'utf-16be' : 'utf-8';
}

/** Without its byte order mark; null where it is not in this encoding. */
function decodeUnicode(bytes: Uint8Array, encoding: string): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
