/** Rows of drift features in a CSV file: what `autobird drift --save` writes and other programs may. */
import { readCsv } from '../data/readCsv.ts';
import { writeFileAtomic } from '../files.ts';
import { csvRow } from '../formats/delimited.ts';
import type { DriftRow } from './detectDrift.ts';
import type { RecordingRow } from './recordingRows.ts';
import type { DriftValue } from './table.ts';

/** Columns that are not features. */
const notFeatures = ['recording', 'at', 'confidence'];

/**
 * A column is numeric where every cell is a number or empty (missing). `recording`, `at` (ISO 8601) and `confidence` are
 * not compared as features.
 *
 * @throws FormatError `bad_csv` for text that is not a table
 */
export async function readDriftCsv(path: string): Promise<DriftRow[]> {
  const { columns, rows } = await readCsv(path);
  const features = columns.filter((column) => !notFeatures.includes(column));
  const numeric = new Set(features.filter((column) => rows.every((row) => isNumber(row[column] ?? ''))));
  const value = (column: string, text: string): DriftValue => {
    if (text === '') return null;
    return numeric.has(column) ? Number(text) : text;
  };
  return rows.map((row) => {
    const { at = '', confidence = '' } = row;
    return {
      values: Object.fromEntries(features.map((column) => [column, value(column, row[column] ?? '')])),
      confidence: confidence === '' ? null : Number(confidence),
      at: at === '' ? null : at,
    };
  });
}

/** Writes rows so that {@link readDriftCsv} reads the same values; embeddings are left out. */
export async function writeDriftCsv(path: string, rows: readonly RecordingRow[]): Promise<void> {
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const withConfidence = rows.some(({ confidence }) => typeof confidence === 'number');
  const lines = rows.map(({ recording, at, confidence, values }) =>
    csvRow([
      recording,
      at ?? null,
      ...(withConfidence ? [text(confidence ?? null)] : []),
      ...names.map((name) => (values[name] === undefined ? null : text(values[name]))),
    ]),
  );
  const head = csvRow(['recording', 'at', ...(withConfidence ? ['confidence'] : []), ...names]);
  await writeFileAtomic(path, [head, ...lines].join(''));
}

function text(value: DriftValue): string | null {
  return value === null || Number.isNaN(value) ? null : String(value);
}

function isNumber(cell: string): boolean {
  return cell === '' || (cell.trim() !== '' && !Number.isNaN(Number(cell)));
}
