/** Rows of drift features in a CSV file: what `autobird drift --save` writes and other programs may. */

import { isoTimeMs } from '../absoluteTime.ts';
import { type CsvFile, cellNumber, openCsv } from '../data/readCsv.ts';
import { writeFileAtomic } from '../files.ts';
import { csvRow } from '../formats/delimited.ts';
import { ColumnCells } from './ColumnCells.ts';
import { DriftRows } from './DriftRows.ts';
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

export interface CsvRows {
  readonly rows: DriftRows;
  readonly notes: string[];
}

/**
 * A column is numeric where every cell that is there is a number; `NA`, `N/A`, `null`, `-` and their like are missing.
 * `recording`, `at` (ISO 8601) and `confidence` are not compared as features. `notes` is what was taken for granted.
 *
 * @throws FormatError `bad_csv`, `bad_encoding`
 */
export async function readDriftCsv(path: string): Promise<CsvRows> {
  const file = await openCsv(path);
  const { turned, ...read } = await readCells(file, path, new Set());
  if (turned.size === 0) return read;
  // Numbers came before the first text of these columns: as texts they may have been spelled otherwise than numbers are.
  const { turned: _, ...again } = await readCells(file, path, turned);
  return again;
}

/** Reads numbers until a column has a text. `turned`: places of the columns whose first text came after numbers. */
async function readCells(
  file: CsvFile,
  path: string,
  textColumns: ReadonlySet<number>,
): Promise<CsvRows & { readonly turned: ReadonlySet<number> }> {
  let cells: ColumnCells[] = [];
  let confidences = new ColumnCells();
  let times: (string | null)[] = [];
  let badTimes: { readonly line: number; readonly at: string }[] = [];
  const turned = new Set<number>();
  const table = await file.read(({ columns, decimalComma }) => {
    cells = columns.map(() => new ColumnCells());
    confidences = new ColumnCells();
    times = [];
    badTimes = [];
    turned.clear();
    const features = columns.flatMap((column, i) => (notFeatures.includes(column) ? [] : [i]));
    const areTexts = columns.map((_, i) => textColumns.has(i));
    const [at, confidence] = [columns.indexOf('at'), columns.indexOf('confidence')];
    return (record, line) => {
      for (const i of features) {
        const [cell, column] = [record[i] ?? '', cells[i] as ColumnCells];
        const value = isMissing(cell) ? null : areTexts[i] ? cell : (cellNumber(cell, { decimalComma }) ?? cell);
        if (typeof value === 'string' && !areTexts[i]) {
          areTexts[i] = true;
          if (column.hasNumbers) turned.add(i);
        }
        column.push(value);
      }
      confidences.push(cellNumber(record[confidence] ?? '', { decimalComma }));
      const time = (record[at] ?? '').trim();
      const isTime = !Number.isNaN(isoTimeMs(time));
      if (!isTime && !isMissing(time) && badTimes.length === 0) badTimes.push({ line, at: record[at] ?? '' });
      times.push(isTime ? time : null);
    };
  });
  const features = table.used.filter(({ column }) => !notFeatures.includes(column));
  const columns = new Map(features.map(({ column, place }) => [column, cells[place] as ColumnCells]));
  const timeNotes = badTimes.map(
    ({ line, at }) =>
      `${path} line ${line}: ${at} is no time in ISO 8601 (2023-05-14T05:30:00Z): such rows stay in the order given`,
  );
  const rows = DriftRows.ofColumns(columns, { confidences, times });
  return { rows, notes: [...table.notes, ...timeNotes], turned };
}

/** What is gathered before it is written. */
const linesAtOnce = 1000;

/** Writes rows so that {@link readDriftCsv} reads the same values; embeddings are left out. A row without a name has its number. */
export async function writeDriftCsv(path: string, rows: DriftRows): Promise<void> {
  const { names, hasConfidences } = rows;
  await writeFileAtomic(path, async (handle) => {
    let lines = [csvRow(['recording', 'at', ...(hasConfidences ? ['confidence'] : []), ...names])];
    let number = 0;
    for (const { recording, at, confidence, values } of rows) {
      number++;
      lines.push(
        csvRow([
          recording ?? String(number),
          at ?? null,
          ...(hasConfidences ? [text(confidence ?? null)] : []),
          ...names.map((name) => text(values[name] ?? null)),
        ]),
      );
      if (lines.length >= linesAtOnce) {
        await handle.appendFile(lines.join(''));
        lines = [];
      }
    }
    await handle.appendFile(lines.join(''));
  });
}

function text(value: DriftValue): string | null {
  return value === null || Number.isNaN(value) ? null : String(value);
}

function isMissing(cell: string): boolean {
  return missingWords.has(cell.trim().toLowerCase());
}
