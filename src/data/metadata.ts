/**
 * What CSV files say about recordings. Tables are joined by path: the first table that says something wins, and
 * contradictions are counted.
 *
 * A table with start and end columns in which some file has several rows is a table of *annotations*; where every file has
 * one row, the same columns are kept as text, because they then tell where a clip was cut from a longer recording.
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { DataConfig } from '../config/schema.ts';
import type { Annotation, Label, RejectedRecording } from '../domain.ts';
import type { FoundFile } from './findRecordings.ts';
import { type ColumnMap, checkGivenColumns, type Field, fields, mapColumns, splitLabels } from './metadataColumns.ts';
import { readCsv } from './readCsv.ts';

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
  /** Rows whose file is not there: `missing_file`, `outside_raw_dir`, `other_extension`. */
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
 * Reads `data.metadata` and finds the file of every row: the path is tried relative to the raw folder, to the CSV's folder,
 * and to `audio/` beside the CSV.
 *
 * @throws FormatError for a file that is no CSV; InvalidArgumentError for columns that are not there
 */
export async function readMetadata(
  config: Pick<DataConfig, 'rawDir' | 'metadata' | 'columns'>,
  found: readonly FoundFile[],
): Promise<Metadata> {
  const tables = await Promise.all(config.metadata.map((path) => readCsv(path)));
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
    const map = mapColumns(table, config.columns, csv);
    const places = table.rows.map((row) => find(row[map.path as string] as string, csv));
    const annotates = areAnnotations(map, places);
    hasLabels ||= map.label !== undefined && !annotates;
    for (const [field, column] of Object.entries(map)) {
      if (annotates || !annotationFields.has(field as Field)) remember(columns, field, column);
    }
    const seen = new Set<string>();
    const repeated: string[] = [];
    table.rows.forEach((row, r) => {
      const place = places[r] as string | RejectedRecording;
      if (typeof place !== 'string') {
        rejected.set(place.path, place);
        return;
      }
      const entry = entries.get(place) ?? { values: {}, extra: {}, annotations: [] };
      entries.set(place, entry);
      if (annotates) {
        const annotation = toAnnotation(row, map);
        if (annotation === null)
          warnings.push(`${csv} line ${table.lines[r]}: start and end are not a stretch of time`);
        else entry.annotations.push(annotation);
      } else if (seen.has(place)) repeated.push(place);
      else join(entry, row, map, (field) => remember(conflicts, field, place));
      seen.add(place);
    });
    if (repeated.length > 0) {
      warnings.push(`${csv}: ${repeated.length} more rows name a file again (${repeated[0]}): its first row counts`);
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

const annotationFields: ReadonlySet<Field> = new Set<Field>(['start', 'end', 'low', 'high']);
/** Fields that have their own place in a Recording; the others stay readable in its metadata. */
const ownPlace: ReadonlySet<Field> = new Set<Field>(['path', 'label', 'background', 'session', 'group', 'fold']);

/** A function from a row's path to a found file's path, or to the reason why there is none. */
function fileFinder(
  rawDir: string,
  found: readonly FoundFile[],
): (text: string, csv: string) => string | RejectedRecording {
  const paths = new Set(found.map((file) => file.path));
  // macOS decomposes accents in file names, spreadsheets compose them.
  const composed = new Map(found.map((file) => [file.path.normalize('NFC'), file.path]));
  const root = resolve(rawDir);
  return (text, csv) => {
    const value = text.trim();
    if (value === '') return { path: csv, code: 'missing_file', reason: 'A row of the metadata names no file' };
    const spellings = value.includes('\\') ? [value, value.replaceAll('\\', '/')] : [value];
    const bases = [root, resolve(dirname(csv)), resolve(dirname(csv), 'audio')];
    const places = spellings.flatMap((spelling) =>
      isAbsolute(spelling) ? [spelling] : bases.map((base) => resolve(base, spelling)),
    );
    for (const place of places) {
      const path = relative(root, place).split(sep).join('/');
      if (paths.has(path)) return path;
      const other = composed.get(path.normalize('NFC'));
      if (other !== undefined) return other;
    }
    const there = places.find((place) => existsSync(place));
    if (there === undefined) {
      return { path: value, code: 'missing_file', reason: `Named by ${csv}, but there is no such file` };
    }
    const path = relative(root, there).split(sep).join('/');
    return path.startsWith('..')
      ? {
          path: value,
          code: 'outside_raw_dir',
          reason: `Named by ${csv}, but it lies outside data.raw_dir (${rawDir})`,
        }
      : { path, code: 'other_extension', reason: `Named by ${csv}, but data.extensions does not name its extension` };
  };
}

function areAnnotations(map: ColumnMap, places: readonly (string | RejectedRecording)[]): boolean {
  if (map.start === undefined || map.end === undefined) return false;
  const files = places.filter((place) => typeof place === 'string');
  return new Set(files).size < files.length;
}

function toAnnotation(row: Row, map: ColumnMap): Annotation | null {
  const number = (field: Field): number | null => {
    const text = map[field] === undefined ? '' : (row[map[field]] ?? '').trim();
    const value = Number(text);
    return text !== '' && Number.isFinite(value) ? value : null;
  };
  const startS = number('start');
  const endS = number('end');
  const label = map.label === undefined ? '' : (row[map.label] ?? '').trim();
  if (startS === null || endS === null || startS < 0 || endS <= startS) return null;
  return { startS, endS, lowHz: number('low'), highHz: number('high'), label };
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
  const kept = Object.entries(entry.values).filter(([field, text]) => !ownPlace.has(field as Field) && text !== '');
  const label = known('label');
  // A recordist's recordings of one day share place, microphone and background, whatever the hour that the date may hold.
  const date = value('date').replace(/[T\s]+\d{1,2}:\d\d.*$/, '');
  const day = value('recordist') !== '' && date !== '' ? `${value('recordist')}|${date}` : null;
  return {
    label,
    backgroundLabels: splitLabels(value('background')).filter((background) => background !== label),
    annotations: entry.annotations
      .map((annotation) => (annotation.label === '' ? { ...annotation, label: label ?? '' } : annotation))
      .sort((a, b) => a.startS - b.startS || a.endS - b.endS),
    session: known('session') ?? day,
    groupKey: known('group'),
    fold: known('fold'),
    date: value('date'),
    time: value('time'),
    metadata: { ...entry.extra, ...Object.fromEntries(kept) },
  };
}

function remember(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
