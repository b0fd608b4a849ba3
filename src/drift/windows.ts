/** Rows over time: cut into windows that follow one another, so that each row is judged once. */
import { isoTimeMs } from '../absoluteTime.ts';

/** How long a window is. */
export interface WindowOptions {
  /** Rows of a window. */
  readonly rows: number;
  /** A window also ends when it has lasted so many seconds. Default never. */
  readonly maxS?: number;
  /** What ends by time has at least so many rows, else it goes on. Default 1. */
  readonly minRows?: number;
}

interface Timed {
  /** ISO 8601, null where it is not known. */
  readonly at?: string | null;
}

/**
 * Full windows of rows in order of time, and the rest that is none yet. With `nowMs` a rest that has lasted long enough is
 * a window too.
 */
export function cutWindows<Row extends Timed>(
  rows: readonly Row[],
  { rows: size, maxS = Number.POSITIVE_INFINITY, minRows = 1 }: WindowOptions,
  nowMs?: number,
): { readonly windows: readonly (readonly Row[])[]; readonly rest: readonly Row[] } {
  const windows: Row[][] = [];
  let open: Row[] = [];
  const isOver = (time: number) => open.length >= minRows && time - timeOf(open[0]) > 1000 * maxS;
  for (const row of rows) {
    if (open.length === size || isOver(timeOf(row))) {
      windows.push(open);
      open = [];
    }
    open.push(row);
  }
  if (open.length === size || (nowMs !== undefined && isOver(nowMs))) {
    windows.push(open);
    open = [];
  }
  return { windows, rest: open };
}

/** NaN where it is not known: comparisons with it are false. */
function timeOf(row: Timed | undefined): number {
  return isoTimeMs(row?.at ?? '');
}
