/** Rows of drift features in a CSV file: what `autobird drift --save` writes and other programs may. */

import { isoTimeMs } from '../absoluteTime.ts';
import { cellNumber, readCsv } from '../data/readCsv.ts';
import { writeFileAtomic } from '../files.ts';
import { csvRow } from '../formats/delimited.ts';
import type { DriftRow } from './detectDrift.ts';
import type { RecordingRow } from './recordingRows.ts';
import type { DriftValue } from './table.ts';

/** Columns that are not features. */
const notFeatures = ['recording', 'at', 'confidence'];

/** As spreadsheets, R, pandas and databases write that there is no value; compared in lower case. */
const missingWords = new Set([
  '',
  'na',
  'n/a',
  '#n/a',
  'nan',
  'null',
  'none',
  'nil',
  '-',
  '--',
  '<na>',
  '#na',
  '#null!',
  '#value!',
  '#div/0!',
]);

/**
 * A column is numeric where every cell that is there is a number; `NA`, `N/A`, `null`, `-` and their like are missing.
 * `recording`, `at` (ISO 8601) and `confidence` are not compared as features. `notes` is what was taken for granted.
 *
 * @throws FormatError `bad_csv`, `bad_encoding`
 */
export async function readDriftCsv(path: string): Promise<{ readonly rows: DriftRow[]; readonly notes: string[] }> {
  const table = await readCsv(path);
  const { columns, rows } = table;
  const notes = [...table.notes];
  const features = columns.filter((column) => !notFeatures.includes(column));
  const isNumeric = (column: string) =>
    rows.every((row) => isMissing(row[column]) || cellNumber(row[column] ?? '', table) !== null);
  const numeric = new Set(features.filter(isNumeric));
  const value = (column: string, cell: string): DriftValue => {
    if (isMissing(cell)) return null;
    return numeric.has(column) ? cellNumber(cell, table) : cell;
  };
  const badTimes = rows.findIndex(({ at }) => !isMissing(at) && Number.isNaN(isoTimeMs((at ?? '').trim())));
  if (badTimes >= 0) {
    notes.push(
      `${path} line ${table.lines[badTimes]}: ${rows[badTimes]?.['at']} is no time in ISO 8601 (2023-05-14T05:30:00Z): such rows stay in the order given`,
    );
  }
  return {
    notes,
    rows: rows.map((row) => {
      const at = (row['at'] ?? '').trim();
      return {
        values: Object.fromEntries(features.map((column) => [column, value(column, row[column] ?? '')])),
        confidence: cellNumber(row['confidence'] ?? '', table),
        at: Number.isNaN(isoTimeMs(at)) ? null : at,
      };
    }),
  };
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

function isMissing(cell: string | undefined): boolean {
  return missingWords.has((cell ?? '').trim().toLowerCase());
}
