/** Shares, counts and lengths of time as people read them: on the terminal, in reports and in the log. */

/** `48.5 %`, or `-` where there is nothing to say. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;
}

/** `0:07`, `12:30`, `3:05:00`; with tenths `0:07.4`, from an hour on without them. */
export function clock(seconds: number, { tenths = false }: { readonly tenths?: boolean } = {}): string {
  const parts = tenths && seconds < 3599.95 ? 10 : 1;
  const rounded = Math.round(seconds * parts);
  const hours = Math.floor(rounded / (3600 * parts));
  const minutes = Math.floor(rounded / (60 * parts)) % 60;
  const rest = (rounded % (60 * parts)) / parts;
  const shownRest = rest.toFixed(parts === 1 ? 0 : 1).padStart(parts === 1 ? 2 : 4, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${shownRest}` : `${minutes}:${shownRest}`;
}

/** `1 recording`, `2 recordings` */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
