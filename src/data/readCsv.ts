import { readFile } from 'node:fs/promises';
import { FormatError } from '../../bindings/errors.ts';

/** A table with a header; `rows[i]` maps column names to text, and `lines[i]` is where row i begins in the file. */
export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly lines: readonly number[];
}

/**
 * Reads a CSV file (UTF-8 with or without a byte order mark).
 *
 * @throws FormatError when the text is not a table: `bad_csv`
 */
export async function readCsv(path: string): Promise<CsvTable> {
  return parseCsv(await readFile(path, 'utf8'), path);
}

/**
 * Parses CSV as RFC 4180 has it: quoted fields may hold the separator, line breaks and doubled quotes; lines end in LF or
 * CRLF. The separator is the one of `,` `;` and tab that splits the header best. Blank lines are left out; a row with
 * fewer fields than the header has empty ones at its end.
 *
 * @throws FormatError for a quote that never closes, a row longer than the header, or a column name that comes twice
 */
export function parseCsv(text: string, name = 'CSV'): CsvTable {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const separator = guessSeparator(source);
  const records = [...splitRecords(source, separator, name)];
  const header = records.shift();
  if (header === undefined) throw new FormatError('bad_csv', `${name} is empty: expected a line with column names`);
  const columns = header.fields.map((field) => field.trim());
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw new FormatError('bad_csv', `${name} has two columns named ${JSON.stringify(twice)}`);
  const rows: Record<string, string>[] = [];
  const lines: number[] = [];
  for (const { fields, line } of records) {
    if (fields.length > columns.length) {
      throw new FormatError(
        'bad_csv',
        `${name} line ${line} has ${fields.length} fields but the header names ${columns.length} columns: put text that holds "${separator}" in double quotes`,
      );
    }
    rows.push(Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? ''])));
    lines.push(line);
  }
  return { columns, rows, lines };
}

function guessSeparator(source: string): string {
  const end = source.search(/[\r\n]/);
  const header = end < 0 ? source : source.slice(0, end);
  const count = (separator: string) => header.split(separator).length;
  return [',', ';', '\t'].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

function* splitRecords(
  source: string,
  separator: string,
  name: string,
): Generator<{ readonly fields: string[]; readonly line: number }> {
  let fields: string[] = [];
  let field = '';
  let line = 1;
  let startLine = 1;
  let quotedSince = 0;
  for (let i = 0; i <= source.length; i++) {
    const c = source[i];
    if (quotedSince > 0) {
      if (c === undefined) {
        throw new FormatError('bad_csv', `${name} has a quote in line ${quotedSince} that never closes`);
      }
      if (c === '"' && source[i + 1] === '"') {
        field += '"';
        i++;
      } else if (c === '"') quotedSince = 0;
      else {
        if (c === '\n') line++;
        field += c;
      }
    } else if (c === '"' && field === '') quotedSince = line;
    else if (c === separator) {
      fields.push(field);
      field = '';
    } else if (c === '\n' || c === '\r' || c === undefined) {
      if (c === '\r' && source[i + 1] === '\n') i++;
      fields.push(field);
      if (fields.length > 1 || field !== '') yield { fields, line: startLine };
      fields = [];
      field = '';
      line++;
      startLine = line;
    } else field += c;
  }
}
