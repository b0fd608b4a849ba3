/**
 * When a recording began, as ISO 8601: `2023-05-14T05:30:00Z`, `…-07:00`, without a zone where none is known, or a date,
 * month or year alone when no more is known. The best witness wins: the metadata, then what the recorder wrote into the
 * file, then the file's name.
 */
export interface TimeWitnesses {
  readonly date?: string | undefined;
  readonly time?: string | undefined;
  /** See {@link recordedAtFromTags}. */
  readonly fromTags?: string | null | undefined;
  /** Path or name of the file. */
  readonly path: string;
}

export function recordedAt(witnesses: TimeWitnesses): string | null {
  const fromMetadata = fromDateAndTime(witnesses.date ?? '', witnesses.time ?? '');
  if (fromMetadata?.includes('T')) return fromMetadata;
  const finer = witnesses.fromTags ?? recordedAtFromName(witnesses.path);
  // A recorder's clock may be wrong, a typed date seldom is: the time of day counts only if the days agree.
  if (fromMetadata !== null) return finer?.startsWith(fromMetadata) ? finer : fromMetadata;
  return finer;
}

/** GUANO `Timestamp`, bext origination date and time, AudioMoth's comment; null where there is none. Keys in any case. */
export function recordedAtFromTags(tags: Readonly<Record<string, string>>): string | null {
  const find = (...names: readonly string[]): string => {
    for (const [key, value] of Object.entries(tags)) {
      const plain = key.toLowerCase().replace(/[^a-z]/g, '');
      if (
        names.some(
          (name) => plain === name || plain === `guano${name}` || plain === `guan${name}` || plain === `bext${name}`,
        )
      ) {
        return value.trim();
      }
    }
    return '';
  };
  return (
    fromDateAndTime(find('timestamp'), '') ??
    fromAudioMothComment(find('comment', 'icmt')) ??
    fromDateAndTime(find('originationdate', 'date'), find('originationtime')) ??
    null
  );
}

/**
 * Recorders' habits of naming: `20230514_053000`, `…T053000+0200`, `…_053000_+0200` (SWIFT), `201905 8T020000` (BAR), without
 * seconds, `2023-05-14_05-30-00`, BirdNET-Pi's `2023-05-14-birdnet-RTSP_1-05:30:00`, AudioMoth's eight hex digits, or a day
 * alone.
 */
export function recordedAtFromName(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
  // Wildlife Acoustics and Kaleidoscope `_` (SM3 `$`), AudioMoth `_` with or without Z, BAR and SWIFT `T` with an offset.
  const compact = /(?<!\d)(\d{4})([ \d]\d)([ \d]\d)[_T$-](\d\d)(\d\d)(\d\d)?(?:\.\d+)?_?(Z|[+-]\d\d:?\d\d)?(?!\d)/.exec(
    name,
  );
  const spelled =
    /(?<!\d)(\d{4})[-_.](\d\d)[-_.](\d\d)(?:[-_.T ]|-birdnet-(?:RTSP_\d+-)?)(\d\d)[-:_.h]?(\d\d)(?:[-:_.m]?(\d\d))?_?(Z|[+-]\d\d:?\d\d)?(?!\d)/.exec(
      name,
    );
  for (const match of [compact, spelled]) {
    if (match === null) continue;
    const [, year, month, day, hour, minute, second = '00', zone] = match;
    const found = join(year, month, day, `${hour}:${minute}:${second}`, zone);
    if (found !== null) return found;
  }
  return fromHexName(name) ?? fromDayInName(name);
}

/** What stands before the time in a recorder's file name (`SM4A` of `SM4A_20230514_053000.wav`); empty without a time. */
export function recorderFromName(path: string): string {
  if (recordedAtFromName(path) === null) return '';
  const name = path.slice(path.lastIndexOf('/') + 1);
  return /^(.*?)[-_ .$]*(?<!\d)(?:19|20)\d\d[-_. ]?\d\d/.exec(name)?.[1] ?? '';
}

function fromDayInName(name: string): string | null {
  const match =
    /(?<!\d)(\d{4})([-_.])(\d\d)\2(\d\d)(?!\d)/.exec(name) ??
    /(?<![\dA-Za-z])((?:19[789]|20[0-4])\d)()(\d\d)(\d\d)(?![\dA-Za-z])/.exec(name);
  return match === null ? null : join(match[1], match[3], match[4], '', undefined);
}

/** Times of recorders whose clock was never set: the beginning of their count, not a moment in the field. */
export function isUnsetClock(time: string): boolean {
  return /^(?:1904-01-01|1970-01|1980-01-0[1-6]|2000-01-01(?:T00|$))/.test(time);
}

/** AudioMoth before 2019 named files by seconds since 1970 in hex. Digits alone would be too easy to mistake. */
function fromHexName(name: string): string | null {
  if (!/^[0-9A-F]{8}$/.test(name) || !/[A-F]/.test(name)) return null;
  const seconds = Number.parseInt(name, 16);
  const year = new Date(seconds * 1000).getUTCFullYear();
  return year >= 2017 && year <= 2035 ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` : null;
}

/** `Recorded at 05:30:00 14/05/2023 (UTC-5) by AudioMoth …` */
function fromAudioMothComment(text: string): string | null {
  const match =
    /Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)\/(\d\d)\/(\d{4}) \(UTC(?:([+-])(\d{1,2})(?::(\d\d))?)?\)/.exec(
      text,
    );
  if (match === null) return null;
  const [, hour, minute, second, day, month, year, sign, hours, minutes] = match;
  const zone = sign === undefined ? 'Z' : `${sign}${(hours as string).padStart(2, '0')}:${minutes ?? '00'}`;
  return join(year, month, day, `${hour}:${minute}:${second}`, zone);
}

/**
 * Only year first: `05/06/2023` means two days to two people. Parts that are `00` or missing are not known. Broadcast WAV
 * allows `-`, `_`, `:`, blank and `.` between the parts of both.
 */
export function fromDateAndTime(date: string, time: string): string | null {
  const match =
    /^(\d{4})(?:[-/.:_ ](\d{1,2})(?:[-/.:_ ](\d{1,2}))?)?(?:[T ]+(\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?$/i.exec(
      date.trim(),
    ) ?? /^(\d{4})(\d\d)(\d\d)(?:[T_ ]?(\d\d:?\d\d(?::?\d\d)?)(Z|UTC|[+-]\d\d:?\d\d)?)?$/i.exec(date.trim());
  if (match === null) return null;
  const [, year, month, day, inside, zone] = match;
  const outside =
    /^(\d{1,2}[-:_. h]\d\d(?:[-:_. ]\d\d)?(?: ?[ap]m)?|\d{4}(?:\d\d)?)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(
      time.trim(),
    );
  return join(year, month, day, inside ?? outside?.[1] ?? '', zone ?? outside?.[2]);
}

/** Null when the parts are no day of the calendar; the time is dropped when it is no time or the day is not known. */
function join(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: string,
  zone: string | undefined,
): string | null {
  const y = Number(year);
  const m = Number(month ?? 0);
  const d = Number(day ?? 0);
  if (y < 1900 || y > 2100 || m > 12) return null;
  if (m === 0) return `${year}`;
  const monthText = `${year}-${String(m).padStart(2, '0')}`;
  if (d === 0) return monthText;
  if (d > new Date(Date.UTC(y, m, 0)).getUTCDate()) return null;
  const dayText = `${monthText}-${String(d).padStart(2, '0')}`;
  const clock = /^(\d{1,2})[-:_. h]?(\d\d)(?:[-:_. ]?(\d\d))?(?: ?([ap])m)?$/i.exec(time);
  if (clock === null) return dayText;
  const [, written = '', minute, second = '00', half] = clock;
  const hour = half === undefined ? Number(written) : (Number(written) % 12) + (/p/i.test(half) ? 12 : 0);
  if (hour > 23 || Number(minute) > 59 || Number(second) > 59) return dayText;
  return `${dayText}T${String(hour).padStart(2, '0')}:${minute}:${second}${isoZone(zone)}`;
}

function isoZone(zone: string | undefined): string {
  if (zone === undefined) return '';
  if (/^(?:Z|UTC)$/i.test(zone)) return 'Z';
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}
