/**
 * What tables say about recordings. They are joined by path: the first table that says something wins, and contradictions are
 * counted.
 *
 * A table with start and end columns is a table of *annotations*, unless it says more of whole recordings (a recordist, a
 * licence) in one row a file: then the columns tell where a clip was cut from a longer recording, and are kept as text.
 */
import { FormatError } from '../../bindings/errors.ts';
import type { DataConfig } from '../config/schema.ts';
import type { Annotation, Label, RejectedRecording } from '../domain.ts';
import { fileFinder } from './fileFinder.ts';
import type { FoundFile } from './findRecordings.ts';
import { cleanLabel } from './labels.ts';
import { type ColumnMap, checkGivenColumns, type Field, fields, mapColumns, splitLabels } from './metadataColumns.ts';
import { type CsvTable, cellNumber } from './readCsv.ts';
import { type MetadataTable, readTable } from './readTable.ts';
import { tableName } from './tableName.ts';

/** The metadata of one file. */
export interface FileMetadata {
  readonly label: Label | null;
  readonly backgroundLabels: readonly Label[];
  readonly annotations: readonly Annotation[];
  readonly session: string | null;
  readonly groupKey: string | null;
  readonly fold: string | null;
  readonly date: string;
  readonly time: string;
  /** Everything else, by field name where the column was understood (`recordist`, `licence`, `date`), else by column. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Metadata {
  /** By path relative to the raw folder. */
  readonly files: ReadonlyMap<string, FileMetadata>;
  /** Some table gives labels: then folders do not. */
  readonly hasLabels: boolean;
  /** How columns were understood: `label` → `species`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Rows whose file is not there: `missing_file`, `ambiguous_file`, `outside_raw_dir`, `other_extension`. */
  readonly rejected: readonly RejectedRecording[];
  readonly warnings: readonly string[];
}

interface Entry {
  readonly values: Partial<Record<Field, string>>;
  readonly extra: Record<string, string>;
  readonly annotations: Annotation[];
}

type Row = Readonly<Record<string, string>>;

/**
 * Reads `data.metadata` and finds the file of every row ({@link fileFinder}).
 *
 * @throws FormatError for a file that is no table; InvalidArgumentError for columns that are not there
 */
export async function readMetadata(
  config: Pick<DataConfig, 'rawDir' | 'metadata' | 'columns'>,
  found: readonly FoundFile[],
): Promise<Metadata> {
  const tables = await Promise.all(config.metadata.map((path) => readTable(path)));
  checkGivenColumns(tables, config.columns);
  const find = fileFinder(config.rawDir, found);
  const entries = new Map<string, Entry>();
  const rejected = new Map<string, RejectedRecording>();
  const conflicts = new Map<string, Set<string>>();
  const columns = new Map<string, Set<string>>();
  const warnings: string[] = [];
  let hasLabels = false;

  tables.forEach((table, t) => {
    const csv = config.metadata[t] as string;
    const name = tableName(csv);
    const map = mapColumns(table, config.columns, csv);
    const places = table.rows.map((row) =>
      map.path === undefined ? find.ofTable(csv) : find.file(row[map.path] as string, csv),
    );
    const repeats = new Set(places).size < places.length;
    const annotates = isOfStretches(table, map, repeats);
    // With one row a file, a row may hold both: the label of the file and a place in it.
    const labels = map.label !== undefined && !table.annotates && !(annotates && repeats);
    hasLabels ||= labels;
    refuseDamagedLabels(table, map, csv);
    warnings.push(...table.notes.map((note) => note.replaceAll(csv, name)));
    if (annotates) warnings.push(...sequenceWarnings(table, map, places, name));
    for (const [field, column] of Object.entries(map)) {
      if (annotates || !annotationFields.has(field as Field)) remember(columns, field, column);
    }
    const chosen = new Set(annotates ? oneView(table, places) : table.rows);
    const seen = new Set<string>();
    const repeated: string[] = [];
    const withoutStretch: number[] = [];
    table.rows.forEach((row, r) => {
      if (!chosen.has(row)) return;
      const place = places[r] as string | RejectedRecording;
      if (typeof place !== 'string') {
        // Two tables in different folders may have one name.
        rejected.set(place.path === name ? csv : place.path, place);
        return;
      }
      const entry = entries.get(place) ?? { values: {}, extra: {}, annotations: [] };
      entries.set(place, entry);
      if (annotates) {
        const annotation = toAnnotation(row, map, table);
        if (annotation === null) withoutStretch.push(table.lines[r] as number);
        else if (annotation !== 'none') entry.annotations.push(annotation);
        if (labels) join(entry, row, map, (field) => remember(conflicts, field, place));
      } else if (seen.has(place)) repeated.push(place);
      else join(entry, row, map, (field) => remember(conflicts, field, place));
      seen.add(place);
    });
    if (withoutStretch.length > 0) {
      const [first, ...more] = withoutStretch;
      const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
      warnings.push(`${name} line ${first}: start and end are not a stretch of time${others}`);
    }
    if (repeated.length > 0) {
      warnings.push(`${name}: ${repeated.length} more rows name a file again (${repeated[0]}): its first row counts`);
    }
  });
  for (const [field, paths] of conflicts) {
    warnings.push(
      `The metadata files disagree about the ${field} of ${paths.size} files (${[...paths][0]}): the first file counts`,
    );
  }
  return {
    files: new Map([...entries].map(([path, entry]) => [path, toFileMetadata(entry)])),
    hasLabels,
    columns: Object.fromEntries(
      fields.filter((field) => columns.has(field)).map((field) => [field, [...(columns.get(field) ?? [])].join(', ')]),
    ),
    rejected: [...rejected.values()],
    warnings,
  };
}

const annotationFields: ReadonlySet<Field> = new Set<Field>(['start', 'offset', 'end', 'low', 'high']);
/** Columns that are about recordings, never about a stretch. */
const recordingFields: readonly Field[] = ['background', 'session', 'group', 'date', 'recordist', 'fold', 'licence'];
/** Fields that have their own place in a Recording; the others stay readable in its metadata. */
const ownPlace: ReadonlySet<Field> = new Set<Field>(['path', 'label', 'background', 'session', 'group', 'fold']);

function isOfStretches(table: MetadataTable, map: ColumnMap, repeats: boolean): boolean {
  if (table.annotates) return true;
  if (map.start === undefined || map.end === undefined) return false;
  const hasBox = map.low !== undefined || map.high !== undefined;
  return repeats || hasBox || map.path === undefined || recordingFields.every((field) => map[field] === undefined);
}

/** Raven writes a selection once for every view of it: one of them is taken, the spectrogram's where there is one. */
function oneView({ columns, rows }: CsvTable, places: readonly (string | RejectedRecording)[]): readonly Row[] {
  if (!columns.includes('View')) return rows;
  const chosen = new Map<string, Row>();
  rows.forEach((row, r) => {
    const place = places[r] as string | RejectedRecording;
    const name = typeof place === 'string' ? place : place.path;
    const { Selection = '', View = '' } = row;
    const { Selection: _, View: __, ...rest } = row;
    const key = JSON.stringify([name, Selection === '' ? rest : Selection]);
    const before = chosen.get(key);
    const isBetter = /^Spectrogram/i.test(View) && !/^Spectrogram/i.test(before?.['View'] ?? '');
    if (before === undefined || isBetter) chosen.set(key, row);
  });
  return [...chosen.values()];
}

/** Times of a sequence of files run on from file to file; without the offset they are of no use in any but the first. */
function sequenceWarnings(
  table: CsvTable,
  map: ColumnMap,
  places: readonly (string | RejectedRecording)[],
  name: string,
): string[] {
  if (map.offset !== undefined || map.start !== 'Begin Time (s)' || new Set(places).size < 2) return [];
  const spans = new Map<unknown, { first: number; last: number }>();
  table.rows.forEach((row, r) => {
    const start = cellNumber(row['Begin Time (s)'] ?? '', table) ?? 0;
    const { first = start, last = start } = spans.get(places[r]) ?? {};
    spans.set(places[r], { first: Math.min(first, start), last: Math.max(last, start) });
  });
  const ordered = [...spans.values()].sort((a, b) => a.first - b.first);
  const runsOn = ordered.every(({ first }, i) => i === 0 || first > (ordered[i - 1]?.last ?? 0));
  return runsOn
    ? [`${name}: the times seem to run on from file to file. Export it with Raven's column File Offset (s)`]
    : [];
}

/** What another program could not read is not guessed: the label would be a class of its own. */
function refuseDamagedLabels({ rows, lines }: CsvTable, map: ColumnMap, csv: string): void {
  const isDamaged = (row: Row) => map.label !== undefined && (row[map.label] ?? '').includes('\uFFFD');
  const first = rows.findIndex(isDamaged);
  if (first < 0) return;
  throw new FormatError(
    'bad_encoding',
    `${csv} line ${lines[first]} has a label with a damaged character (${(rows[first] as Row)[map.label as string]}): it was saved in another encoding once; export it again`,
  );
}

/** Null for times that cannot be, `none` where there are no times: the recording was looked at, and nothing was found. */
function toAnnotation(row: Row, map: ColumnMap, table: CsvTable): Annotation | 'none' | null {
  const text = (field: Field): string => (map[field] === undefined ? '' : (row[map[field]] ?? '').trim());
  const number = (field: Field): number | null => cellNumber(text(field), table);
  if (text('start') === '' && text('end') === '') return 'none';
  const [begin, end, offset] = [number('start'), number('end'), number('offset')];
  if (begin === null || end === null) return null;
  const startS = offset ?? begin;
  // Sums of decimals are rounded to a microsecond, so that a table reads as it was written.
  const endS = offset === null ? end : Math.round((offset + end - begin) * 1e6) / 1e6;
  if (startS < 0 || endS <= startS) return null;
  return { startS, endS, lowHz: number('low'), highHz: number('high'), label: cleanLabel(text('label')) };
}

function join(entry: Entry, row: Row, map: ColumnMap, onConflict: (field: string) => void): void {
  const understood = new Set<string>();
  for (const [name, column] of Object.entries(map)) {
    const field = name as Field;
    if (annotationFields.has(field)) continue;
    understood.add(column);
    const value = (row[column] ?? '').trim();
    const before = entry.values[field];
    if (before === undefined) entry.values[field] = value;
    else if (before === '') entry.values[field] = value;
    else if (value !== '' && value !== before && field !== 'path') onConflict(field);
  }
  for (const [column, value] of Object.entries(row)) {
    if (!understood.has(column) && value.trim() !== '') entry.extra[column] ??= value.trim();
  }
}

function toFileMetadata(entry: Entry): FileMetadata {
  const value = (field: Field): string => entry.values[field] ?? '';
  const known = (field: Field): string | null => value(field) || null;
  const others = Object.entries(entry.values).filter(([field, text]) => !ownPlace.has(field as Field) && text !== '');
  const label = known('label') === null ? null : cleanLabel(value('label'));
  // A recordist's recordings of one day share place, microphone and background, whatever the hour that the date may hold.
  const date = value('date').replace(/[T\s]+\d{1,2}:\d\d.*$/, '');
  const day = value('recordist') !== '' && date !== '' ? `${value('recordist')}|${date}` : null;
  return {
    label,
    backgroundLabels: splitLabels(value('background'))
      .map(cleanLabel)
      .filter((background) => background !== label),
    annotations: entry.annotations
      .map((annotation) => (annotation.label === '' ? { ...annotation, label: label ?? '' } : annotation))
      .sort((a, b) => a.startS - b.startS || a.endS - b.endS),
    session: known('session') ?? day,
    groupKey: known('group'),
    fold: known('fold'),
    date: value('date'),
    time: value('time'),
    metadata: { ...entry.extra, ...Object.fromEntries(others) },
  };
}

function remember(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
