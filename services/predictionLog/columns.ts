/**
 * The columns of a prediction, each described once: what is written, read, fed to PostgreSQL and exported is made of this
 * list. A new one is a property of `LogEntry`, a line here, a step in both migrations, and a line in docs/prediction-log.md.
 */
import type { LogEntry, LoggedPrediction } from './entry.ts';

/** `scores`: float32 in the order of the model's labels. */
export type ColumnKind = 'text' | 'integer' | 'bigint' | 'real' | 'boolean' | 'time' | 'scores';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly value: (row: LogEntry | LoggedPrediction) => unknown;
}

const fields: readonly (readonly [field: keyof LogEntry & keyof LoggedPrediction, kind: ColumnKind])[] = [
  ['requestId', 'text'],
  ['part', 'integer'],
  ['time', 'time'],
  ['route', 'text'],
  ['fileName', 'text'],
  ['fileSha256', 'text'],
  ['fileBytes', 'bigint'],
  ['durationS', 'real'],
  ['place', 'text'],
  ['model', 'text'],
  ['modelVersion', 'text'],
  ['shadow', 'boolean'],
  ['label', 'text'],
  ['score', 'real'],
  ['scores', 'scores'],
  ['clips', 'integer'],
  ['receiveMs', 'real'],
  ['predictMs', 'real'],
  ['decodeMs', 'real'],
  ['errorCode', 'text'],
];

const driftFields = ['melMean', 'melStd', 'energyMean', 'energyStd'] as const;

export const columns: readonly Column[] = [
  ...fields.map(([field, kind]): Column => ({ name: snakeCase(field), kind, value: (row) => row[field] })),
  ...driftFields.map(
    (field): Column => ({
      name: snakeCase(field),
      kind: 'real',
      value: ({ driftFeatures }) => driftFeatures?.[field] ?? null,
    }),
  ),
];

/** Rows that are equal in these are one: the same recording of the same request, predicted or refused in the same way. */
export const identity = [
  'request_id',
  'part',
  'file_sha256',
  'model_version',
  'shadow',
  'error_code',
  'clips',
] as const;

/** A row of a database as what it was; `decode` gives a column's value. */
export function readRow(
  row: Readonly<Record<string, unknown>>,
  trueLabel: string | null | undefined,
  decode: (column: Column) => unknown,
): LoggedPrediction {
  const values = Object.fromEntries(columns.map((column) => [column.name, decode(column)]));
  const read = Object.fromEntries(fields.map(([field]) => [field, values[snakeCase(field)]]));
  const drift = Object.fromEntries(driftFields.map((field) => [field, values[snakeCase(field)]]));
  const driftFeatures = drift['melMean'] === null ? null : drift;
  return { id: row['id'], ...read, driftFeatures, trueLabel } as unknown as LoggedPrediction;
}

/** Scores by label; null where the labels or the scores are not known. */
export function scoresByLabel(
  labels: readonly string[] | null,
  scores: ArrayLike<number> | null,
): Readonly<Record<string, number>> | null {
  if (labels === null || scores === null) return null;
  return Object.fromEntries(labels.map((label, index) => [label, scores[index] as number]));
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
