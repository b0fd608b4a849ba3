const iso = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * Milliseconds since 1970 of a time in ISO 8601, a date, month or year alone included; one without a zone is taken for UTC,
 * so that the order of times is the same on every machine. NaN for anything else.
 */
export function isoTimeMs(text: string): number {
  const day = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  const [, year, month = '01', dayOfMonth = '01', ...time] = day ?? iso.exec(text) ?? [];
  if (year === undefined) return Number.NaN;
  const [hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = time;
  const offset = zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2');
  return Date.parse(`${year}-${month}-${dayOfMonth}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${offset}`);
}

/**
 * The moment `seconds` after a recording began, in ISO 8601 on the recorder's own clock: the zone stays as it was, a time
 * without a zone stays without one (autobird never guesses one), and milliseconds appear only where there are any. Null
 * where the recording's time, not just its date, is unknown.
 */
export function timeAt(recordedAt: string | null, seconds: number): string | null {
  const match = iso.exec(recordedAt ?? '');
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = ''] = match;
  // The clock's own digits are moved as if they were UTC: a recorder does not change to summer time while it records.
  const began = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const moment = new Date(began + Math.round(Number(fraction) * 1000 + seconds * 1000));
  return (
    moment
      .toISOString()
      .replace(/Z$/, '')
      .replace(/\.000$/, '') + zone
  );
}
