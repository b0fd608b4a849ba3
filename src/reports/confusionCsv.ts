import { csvRow } from '../formats/delimited.ts';
import type { Confusion } from '../scoring/metrics.ts';
import { noPrediction } from './report.ts';

/** A spreadsheet is not made for more columns, and a matrix of more classes is nearly empty. */
const maxColumns = 250;

/**
 * Rows are what recordings are, columns what they were called; the last column counts those without a prediction. Of more
 * classes a row for each cell that is not 0.
 */
export function confusionCsv({ labels, cells }: Confusion): string {
  const called = (place: number | null) => (place === null ? noPrediction : (labels[place] as string));
  if (labels.length > maxColumns) {
    const rows = cells.map(([truth, predicted, count]) => csvRow([labels[truth] as string, called(predicted), count]));
    return csvRow(['label', 'called', 'recordings']) + rows.join('');
  }
  const counts = labels.map(() => new Array<number>(labels.length + 1).fill(0));
  for (const [truth, predicted, count] of cells) (counts[truth] as number[])[predicted ?? labels.length] = count;
  const rows = counts.map((row, c) => csvRow([labels[c] as string, ...row]));
  return csvRow(['label', ...labels, noPrediction]) + rows.join('');
}
