/** What two tables can be compared by: a column that only one of them has values of costs itself, not the comparison. */
import { AutobirdError } from '../../bindings/errors.ts';
import { type DriftColumn, type DriftTable, present } from './table.ts';

/** A column that is not compared, and why. */
export interface LeftOutColumn {
  readonly name: string;
  readonly reason: string;
}

export interface ComparableTables {
  readonly reference: DriftTable;
  readonly current: DriftTable;
  /** By name. */
  readonly leftOut: readonly LeftOutColumn[];
}

/**
 * The columns that both tables have, with values of one kind.
 *
 * @throws AutobirdError `no_columns` where there is none
 */
export function comparableTables(reference: DriftTable, current: DriftTable): ComparableTables {
  const names = [...new Set([...reference.columns.keys(), ...current.columns.keys()])];
  const reasons = new Map(names.map((name) => [name, whyNot(reference.columns.get(name), current.columns.get(name))]));
  const compared = ({ rows, columns }: DriftTable): DriftTable => ({
    rows,
    columns: new Map([...columns].filter(([name]) => reasons.get(name) === null)),
  });
  const leftOut = names.sort().flatMap((name) => {
    const reason = reasons.get(name) ?? null;
    return reason === null ? [] : [{ name, reason }];
  });
  if (leftOut.length === names.length) {
    const why = leftOut.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    throw new AutobirdError('no_columns', `The reference and the current rows have no column to compare (${why})`);
  }
  return { reference: compared(reference), current: compared(current), leftOut };
}

function whyNot(reference: DriftColumn | undefined, current: DriftColumn | undefined): string | null {
  if (reference === undefined) return 'only the current rows have it';
  if (current === undefined) return 'only the reference has it';
  if (valuesOf(reference).length === 0) return 'the reference has no value that is there and finite';
  if (valuesOf(current).length === 0) return 'the current rows have no value that is there and finite';
  if (reference.kind === current.kind) return null;
  const text = reference.kind === 'text' ? reference : current;
  const first = valuesOf(text).find((value) => typeof value === 'string' && Number.isNaN(Number(value)));
  const example = first === undefined ? '' : ` (${JSON.stringify(first)})`;
  return reference.kind === 'text'
    ? `text in the reference${example}, numbers in the current rows`
    : `numbers in the reference, text in the current rows${example}`;
}

function valuesOf(column: DriftColumn): Float64Array | readonly string[] {
  return column.kind === 'number' ? present(column) : present(column);
}
