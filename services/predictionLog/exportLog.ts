/** The log as files that others read: the original's CSV, all columns as CSV, Parquet. */
import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { LoggedPrediction } from './entry.ts';
import type { LoggedPages } from './LogReader.ts';

/** `time, audio_file, prediction` as the original system wrote it, but with names quoted where they need it. */
export async function* originalCsv(pages: LoggedPages): AsyncGenerator<string, void> {
  yield 'time, audio_file, prediction\n';
  for await (const page of pages) {
    const rows = page.filter(({ errorCode, shadow }) => errorCode === null && !shadow);
    yield rows
      .map((row) => `${pythonTime(row.time)}, ${quoted(row.fileName)}, ${quoted(row.label ?? 'no event')}\n`)
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

const columns: readonly {
  readonly name: string;
  readonly type: BasicType;
  readonly value: (row: LoggedPrediction) => Value;
}[] = [
  { name: 'id', type: 'INT64', value: (row) => row.id },
  { name: 'request_id', type: 'STRING', value: (row) => row.requestId },
  { name: 'part', type: 'INT32', value: (row) => row.part },
  { name: 'time', type: 'TIMESTAMP', value: (row) => row.time },
  { name: 'route', type: 'STRING', value: (row) => row.route },
  { name: 'file_name', type: 'STRING', value: (row) => row.fileName },
  { name: 'file_sha256', type: 'STRING', value: (row) => row.fileSha256 },
  { name: 'file_bytes', type: 'INT64', value: (row) => row.fileBytes },
  { name: 'duration_s', type: 'DOUBLE', value: (row) => row.durationS },
  { name: 'model', type: 'STRING', value: (row) => row.model },
  { name: 'model_version', type: 'STRING', value: (row) => row.modelVersion },
  { name: 'shadow', type: 'BOOLEAN', value: (row) => row.shadow },
  { name: 'label', type: 'STRING', value: (row) => row.label },
  { name: 'score', type: 'DOUBLE', value: (row) => row.score },
  { name: 'scores', type: 'JSON', value: (row) => row.scores },
  { name: 'clips', type: 'INT32', value: (row) => row.clips },
  { name: 'receive_ms', type: 'DOUBLE', value: (row) => row.receiveMs },
  { name: 'predict_ms', type: 'DOUBLE', value: (row) => row.predictMs },
  { name: 'decode_ms', type: 'DOUBLE', value: (row) => row.decodeMs },
  { name: 'mel_mean', type: 'DOUBLE', value: (row) => row.driftFeatures?.melMean ?? null },
  { name: 'mel_std', type: 'DOUBLE', value: (row) => row.driftFeatures?.melStd ?? null },
  { name: 'energy_mean', type: 'DOUBLE', value: (row) => row.driftFeatures?.energyMean ?? null },
  { name: 'energy_std', type: 'DOUBLE', value: (row) => row.driftFeatures?.energyStd ?? null },
  { name: 'error_code', type: 'STRING', value: (row) => row.errorCode },
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

function cell(value: Value): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  return quoted(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
