// Numbers and times as people read them.

/** `1:05.3` @param {number} seconds */
export function clock(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`;
}

/** `97 %`, not broken at the end of a line; a dash where there is nothing. @param {number | null | undefined} share */
export function percent(share) {
  if (share === null || share === undefined) return '–';
  const value = 100 * share;
  // What is not all must not look like all, and what is something not like nothing.
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)}\u00a0%`;
  if (value > 0 && value < 1) return '<\u00a01\u00a0%';
  return `${Math.round(value)}\u00a0%`;
}

/** `3.1 MB` @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** A class name without the underscores that folders have. @param {string} label */
export function spoken(label) {
  return label.replaceAll('_', ' ');
}

/** In the reader's own zone. @param {string | number} when ISO 8601 or milliseconds */
export function dateAndTime(when) {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(when));
}

/** `1 file`, `3 files` @param {number} count @param {string} noun @param {string} [several] where it is not the noun with an s */
export function plural(count, noun, several = `${noun}s`) {
  return `${count} ${count === 1 ? noun : several}`;
}
