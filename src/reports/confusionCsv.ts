import { csvRow } from '../formats/delimited.ts';
import type { Confusion } from '../scoring/metrics.ts';

/** Rows are what recordings are, columns what they were called; the last column counts those without an answer. */
export function confusionCsv({ labels, counts }: Confusion): string {
  const rows = counts.map((row, c) => csvRow([labels[c] as string, ...row]));
  return csvRow(['label', ...labels, 'no answer']) + rows.join('');
}
