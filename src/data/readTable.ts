/** Tables of recordings or of what was marked in them: CSV as spreadsheets write it, and the formats that predictions have. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError, FormatError } from '../../bindings/errors.ts';
import { byCodePoint } from '../byCodePoint.ts';
import { predictionJsonSchema } from '../formats/json.ts';
import { decode } from '../schema/case.ts';
import { decodeText } from './decodeText.ts';
import { type CsvTable, cellNumber, parseCsv } from './readCsv.ts';

export interface MetadataTable extends CsvTable {
  /** Its format says that every row is a stretch of sound (Raven, Audacity, Kaleidoscope, predictions). */
  readonly annotates: boolean;
}

/** As `autobird predict -f audacity` names them. */
const ownTrack = /\.labels\.txt$/i;
const canonical = ['path', 'label', 'start_s', 'end_s', 'low_hz', 'high_hz'] as const;

/**
 * The tables of `data.metadata`: files as given, and of folders (a selection table for each recording) all that are tables by
 * name, in order, but for what `autobird predict` writes beside them.
 *
 * @throws AutobirdError `no_metadata` for a path that is not there, or a folder without tables
 */
export async function tablesOf(paths: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => null);
      if (found === null) throw new AutobirdError('no_metadata', `There is no table ${path}: check data.metadata`);
      if (!found.isDirectory()) return [path];
      const names = (await readdir(path, { recursive: true })).sort(byCodePoint);
      const tables = names.filter((name) => /\.(?:csv|tsv|txt|json|ndjson)$/i.test(name) && !besideResults.test(name));
      if (tables.length > 0) return tables.map((name) => join(path, name));
      throw new AutobirdError(
        'no_metadata',
        `The folder ${path} holds no table: csv, tsv, txt, json and ndjson are read`,
      );
    }),
  );
  return lists.flat();
}

const besideResults = /(?:^|\/)(?:errors(?:-\d+)?\.csv|.*\.errors(?:-\d+)?\.csv|.*\.list\.txt)$/;

/**
 * Reads a table for `data.metadata`. Audacity's label tracks, Kaleidoscope's results and our own JSON get the columns `path`,
 * `label`, `start_s`, `end_s`, `low_hz` and `high_hz`; a label track names no file.
 *
 * @throws FormatError `bad_encoding`, `bad_csv`, `not_json`, `invalid_content`
 */
export async function readTable(path: string): Promise<MetadataTable> {
  const { text, note } = decodeText(await readFile(path), path);
  const table = tableOf(text, path);
  return note === null ? table : { ...table, notes: [note, ...table.notes] };
}

function tableOf(text: string, path: string): MetadataTable {
  if (/\.(?:nd)?json$/i.test(path)) return fromPredictions(text, path);
  // A track without labels is an empty file.
  const isTrack = /^-?\d+[.,]?\d*\t-?\d+[.,]?\d*(?:\t|\r?\n)/.test(text) || ownTrack.test(path);
  if (isTrack) return fromLabelTrack(text, path);
  const table = parseCsv(text, path);
  const has = (...columns: string[]) => columns.every((column) => table.columns.includes(column));
  if (has('IN FILE', 'OFFSET', 'DURATION')) return fromKaleidoscope(table);
  const annotates = has('Begin Time (s)', 'End Time (s)') || has('recording', 'top_label', 'start_s', 'end_s');
  return { ...table, annotates };
}

type Stretch = Readonly<Record<(typeof canonical)[number], string>>;

function stretches(rows: readonly Stretch[], lines: readonly number[], decimalComma = false): MetadataTable {
  return { columns: canonical, rows, lines, decimalComma, notes: [], annotates: true };
}

/** `1.5  2.0  wren`, and `\  low  high` below where the range is known. Our own tracks have the score behind the label. */
function fromLabelTrack(text: string, path: string): MetadataTable {
  const rows: Stretch[] = [];
  const lines: number[] = [];
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    const [first = '', second = '', third = ''] = line.split('\t');
    const last = rows.at(-1);
    if (first === '\\' && last !== undefined) {
      const bound = (cell: string) => (Number(cell.replace(',', '.')) < 0 ? '' : cell);
      rows[rows.length - 1] = { ...last, low_hz: bound(second), high_hz: bound(third) };
    } else if (line.trim() !== '') {
      const label = ownTrack.test(path) ? third.replace(/ [01]\.\d\d$/, '') : third;
      rows.push({ path: '', label, start_s: first, end_s: second, low_hz: '', high_hz: '' });
      lines.push(i + 1);
    }
  }
  const { columns, ...table } = stretches(rows, lines, true);
  return { ...table, columns: columns.filter((column) => column !== 'path') };
}

/** `MANUAL ID` is the label after a person checked the guess. */
function fromKaleidoscope(table: CsvTable): MetadataTable {
  const rows = table.rows.map((row): Stretch => {
    const cell = (column: string) => (row[column] ?? '').trim();
    const [start, duration] = [cellNumber(cell('OFFSET'), table), cellNumber(cell('DURATION'), table)];
    const isWhole = start === null || duration === null;
    return {
      path: join(cell('INDIR'), cell('FOLDER'), cell('IN FILE')),
      label: cell('MANUAL ID') || cell('TOP1MATCH') || cell('AUTO ID'),
      start_s: isWhole ? '' : String(start),
      end_s: isWhole ? '' : String(Number((start + duration).toFixed(6))),
      low_hz: cell('Fmin'),
      high_hz: cell('Fmax'),
    };
  });
  return stretches(rows, table.lines, table.decimalComma);
}

/** An array or a line each, as `autobird predict` writes them; recordings that failed are skipped. */
function fromPredictions(text: string, path: string): MetadataTable {
  const rows: Stretch[] = [];
  const numberText = (value: number | null) => (value === null ? '' : String(value));
  for (const json of parseJsonOrLines(text, path)) {
    if (typeof json === 'object' && json !== null && 'error' in json) continue;
    const { recording, detections } = decode(predictionJsonSchema, json, path);
    for (const { startS, endS, lowHz, highHz, label } of detections) {
      const bounds = { low_hz: numberText(lowHz), high_hz: numberText(highHz) };
      rows.push({ path: recording, label, start_s: String(startS), end_s: String(endS), ...bounds });
    }
    if (detections.length === 0) {
      rows.push({ path: recording, label: '', start_s: '', end_s: '', low_hz: '', high_hz: '' });
    }
  }
  return stretches(
    rows,
    rows.map((_, i) => i + 1),
  );
}

function parseJsonOrLines(text: string, path: string): readonly unknown[] {
  const parse = (json: string): unknown => {
    try {
      return JSON.parse(json);
    } catch (error) {
      throw new FormatError('not_json', `${path} is not JSON: ${(error as Error).message}`, { cause: error });
    }
  };
  if (/\.json$/i.test(path)) return [parse(text)].flat();
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parse);
}
