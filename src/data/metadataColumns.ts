import { InvalidArgumentError } from '../../bindings/errors.ts';
import type { DataConfig } from '../config/schema.ts';
import type { CsvTable } from './readCsv.ts';
import type { MetadataTable } from './readTable.ts';

/** What autobird understands of a metadata table; the other columns stay text. */
export type Field =
  | 'path'
  | 'label'
  | 'background'
  | 'session'
  | 'group'
  | 'date'
  | 'time'
  | 'recordist'
  | 'fold'
  | 'licence'
  | 'start'
  | 'offset'
  | 'end'
  | 'low'
  | 'high';

/** Names that are recognised when the configuration gives none, best first; compared in lower case, words joined by `_`. */
const guesses: Readonly<Record<Field, readonly string[]>> = {
  path: ['path', 'file', 'filename', 'file_name', 'filepath', 'file_path', 'begin_path', 'begin_file', 'recording'],
  label: ['label', 'species', 'class', 'primary_label', 'category', 'species_code', 'common_name', 'annotation'],
  background: ['background_species', 'background_labels', 'background', 'secondary_labels', 'also'],
  session: ['session', 'session_id'],
  // Not `source`: it names the archive (xeno-canto) as often as the long recording, and would make one group of everything.
  group: ['group', 'group_id', 'source_id', 'src_file', 'parent'],
  date: ['date', 'recorded_at', 'recording_date', 'datetime'],
  time: ['time', 'recording_time'],
  recordist: ['recordist', 'author', 'recorder', 'rec'],
  fold: ['fold'],
  licence: ['licence', 'license', 'lic'],
  start: ['start_s', 'begin_time_(s)', 'start_time', 'start'],
  // Raven's times are of a sequence of files; this is the place in the file.
  offset: ['file_offset_(s)'],
  end: ['end_s', 'end_time_(s)', 'end_time', 'end'],
  low: ['low_hz', 'low_freq_(hz)', 'low_freq', 'f_low'],
  high: ['high_hz', 'high_freq_(hz)', 'high_freq', 'f_high'],
};

/** What selection tables call the class: BirdNET's have a code too, which is no name of a folder. */
const annotationLabels = ['species', 'annotation', 'common_name'];

export const fields = Object.keys(guesses) as readonly Field[];

export type ColumnMap = Readonly<Partial<Record<Field, string>>>;

/**
 * Which column of a table is which field. A name given in `data.columns` is taken where the table has it; the empty string
 * says that there is no such column; null guesses.
 *
 * @throws InvalidArgumentError when no column names the files, but for a table of stretches, which may be of one file
 */
export function mapColumns(table: MetadataTable, given: DataConfig['columns'], name: string): ColumnMap {
  const byPlainName = new Map(table.columns.map((column) => [plain(column), column]));
  const map: Partial<Record<Field, string>> = {};
  for (const field of fields) {
    const wish = field in given ? given[field as keyof DataConfig['columns']] : null;
    const column =
      wish === null
        ? (field === 'label' && table.annotates ? [...annotationLabels, ...guesses.label] : guesses[field])
            .map((guess) => byPlainName.get(guess))
            .find((found) => found !== undefined)
        : table.columns.find((candidate) => candidate === wish);
    if (column !== undefined) map[field] = column;
  }
  if (map.path === undefined && (map.start === undefined || map.end === undefined)) {
    throw new InvalidArgumentError(
      `Expected a column with the files' paths in ${name} but its columns are ${table.columns.join(', ')}: name it with data.columns.path`,
    );
  }
  return map;
}

/** @throws InvalidArgumentError for a column of the configuration that no table has */
export function checkGivenColumns(tables: readonly CsvTable[], given: DataConfig['columns']): void {
  const all = new Set(tables.flatMap((table) => table.columns));
  for (const [field, wish] of Object.entries(given)) {
    if (wish !== null && wish !== '' && !all.has(wish)) {
      throw new InvalidArgumentError(
        `Expected a column named in the metadata for data.columns.${field} but received ${JSON.stringify(wish)}: the columns are ${[...all].join(', ') || '(no metadata given)'}`,
      );
    }
  }
}

/** Labels out of one cell: a JSON or Python list, or names separated by `;` or `|`. */
export function splitLabels(cell: string): string[] {
  const text = cell.trim();
  if (text === '') return [];
  const list = /^\[(.*)\]$/s.exec(text);
  const parts =
    list === null
      ? text.split(/[;|]/)
      : ((list[1] as string).match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,\s][^,]*/g) ?? []).map(unquote);
  return [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))];
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

function plain(column: string): string {
  return column
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
}
