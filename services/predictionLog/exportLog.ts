/** The log as files that others read: the original's CSV, all columns as CSV, Parquet. */
import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { withoutFormula } from '../http/withoutFormula.ts';
import { type Column, columns as loggedColumns } from './columns.ts';
import type { LoggedPrediction } from './entry.ts';

type LoggedPages = AsyncIterable<readonly LoggedPrediction[]>;

/** `time, audio_file, prediction` as the original system wrote it, but with names quoted where they need it. */
export async function* originalCsv(pages: LoggedPages): AsyncGenerator<string, void> {
  yield 'time, audio_file, prediction\n';
  for await (const page of pages) {
    const rows = page.filter(({ errorCode, shadow }) => errorCode === null && !shadow);
    yield rows
      .map((row) => `${[pythonTime(row.time), ...[row.fileName, row.label ?? 'no event'].map(text)].join(', ')}\n`)
      .join('');
  }
}

/** Every column, a row a prediction. */
export async function* fullCsv(pages: LoggedPages): AsyncGenerator<string, void> {
  yield `${columns.map(({ name }) => name).join(',')}\r\n`;
  for await (const page of pages) {
    yield page.map((row) => `${columns.map(({ value }) => cell(value(row))).join(',')}\r\n`).join('');
  }
}

/** Every column as Parquet, a row group a page. */
export async function* parquet(pages: LoggedPages): AsyncGenerator<Uint8Array, void> {
  const bytes = new ByteWriter();
  const taken = () => {
    const part = new Uint8Array(bytes.buffer.slice(0, bytes.index));
    bytes.index = 0;
    return part;
  };
  const columnData = (rows: readonly LoggedPrediction[]) =>
    columns.map(({ name, type, value }) => ({
      name,
      type,
      nullable: true,
      data: rows.map((row) => (type === 'INT64' ? BigInt(value(row) as number) : value(row))),
    }));
  const writer = new ParquetWriter({ writer: bytes, schema: schemaFromColumnData({ columnData: columnData([]) }) });
  for await (const page of pages) {
    writer.write({ columnData: columnData(page), rowGroupSize: page.length });
    yield taken();
  }
  writer.finish();
  yield taken();
}

type Value = string | number | boolean | Date | Readonly<Record<string, number>> | null;

const parquetTypes: Readonly<Record<Column['kind'], BasicType>> = {
  text: 'STRING',
  integer: 'INT32',
  bigint: 'INT64',
  real: 'DOUBLE',
  boolean: 'BOOLEAN',
  time: 'TIMESTAMP',
  scores: 'JSON',
};

const columns: readonly {
  readonly name: string;
  readonly type: BasicType;
  readonly value: (row: LoggedPrediction) => Value;
}[] = [
  { name: 'id', type: 'INT64', value: (row) => row.id },
  ...loggedColumns.map(({ name, kind, value }) => ({
    name,
    type: parquetTypes[kind],
    value: (row: LoggedPrediction) => value(row) as Value,
  })),
  { name: 'has_feedback', type: 'BOOLEAN', value: (row) => row.trueLabel !== undefined },
  { name: 'true_label', type: 'STRING', value: (row) => row.trueLabel ?? null },
];

/** `2026-01-23 14:02:11.123000+00:00`, as Python prints a time. */
function pythonTime(time: Date): string {
  return time.toISOString().replace('T', ' ').replace('Z', '000+00:00');
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What clients and models name, for spreadsheets. */
function text(value: string): string {
  return quoted(withoutFormula(value));
}

function cell(value: Value): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string') return text(value);
  return quoted(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
