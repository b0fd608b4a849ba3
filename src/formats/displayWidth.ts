const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

// Wide in every terminal: emoji, CJK, Hangul, kana and full-width forms.
const wide =
  /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}]/u;

/** Columns that a text takes in a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

/** Control characters (line breaks, escape sequences) as `?`, so that a file name cannot steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

/** As much of the beginning as fits. */
export function cut(text: string, columns: number): string {
  let end = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += displayWidth(segment);
    if (width > columns) break;
    end += segment;
  }
  return end;
}

/** Filled with spaces, or shortened with `…` so that the end, where file names differ, stays. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const shown = displayWidth(text) > columns ? `…${cutBeginning(text, columns - 1)}` : text;
  const fill = ' '.repeat(Math.max(0, columns - displayWidth(shown)));
  return align === 'left' ? shown + fill : fill + shown;
}

function cutBeginning(text: string, columns: number): string {
  const segments = Array.from(segmenter.segment(text), ({ segment }) => segment);
  let first = segments.length;
  let width = 0;
  while (first > 0 && width + displayWidth(segments[first - 1] as string) <= columns) {
    first -= 1;
    width += displayWidth(segments[first] as string);
  }
  return segments.slice(first).join('');
}
