/**
 * The tables of a file, brought up to date and taken back step by step, each step a transaction of its own: a process that
 * is killed goes on with the next one.
 */
import type Database from 'libsql';
import { FormatError } from '../../src/index.ts';
import { transaction } from './transaction.ts';

export interface Step {
  readonly up: string;
  /** What makes the tables those of the step before; null where that was never released. */
  readonly down: string | null;
}

/** A kind of file. A step that was released is never changed: later ones mend it. */
export interface Tables {
  /** In codes (`newer_log`, `no_log`, …), and the command that takes the tables back: `autobird log downgrade`. */
  readonly name: 'log' | 'jobs';
  /** For people. */
  readonly title: string;
  /** The setting that says where the file is. */
  readonly setting: string;
  /** The table whose rows are counted. */
  readonly counted: string;
  readonly steps: readonly Step[];
}

/** An older file that is about to be brought up to date. */
export interface Upgrade {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
}

/** What this autobird writes. */
export function newestFormat({ steps }: Tables): number {
  return steps.length;
}

/** The oldest that it makes of a file again. */
export function oldestFormat({ steps }: Tables): number {
  return steps.findLastIndex(({ down }) => down === null) + 1;
}

export function formatOf(database: Database.Database): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

export function rowsOf(database: Database.Database, { counted }: Tables): number {
  return (database.prepare(`SELECT count(*) AS rows FROM ${counted}`).get() as { rows: number }).rows;
}

/** @throws FormatError `newer_log`, `newer_jobs` for a file of a newer autobird */
export function upgrade(
  database: Database.Database,
  path: string,
  tables: Tables,
  onUpgrade: (upgrade: Upgrade) => void = () => {},
): void {
  const from = formatOf(database);
  const to = newestFormat(tables);
  throwIfNewer(from, path, tables);
  if (from === to) return;
  if (from > 0) onUpgrade({ from, to, rows: rowsOf(database, tables) });
  stepwise(database, () => {
    const done = formatOf(database);
    if (done >= to) return false;
    database.exec(`${tables.steps[done]?.up}; PRAGMA user_version = ${done + 1}`);
    return true;
  });
}

/** Makes the tables those of an older format: what they have no column for is lost. */
export function downgrade(database: Database.Database, { steps }: Tables, to: number): void {
  stepwise(database, () => {
    const done = formatOf(database);
    if (done <= to) return false;
    database.exec(`${steps[done - 1]?.down}; PRAGMA user_version = ${done - 1}`);
    return true;
  });
}

/** @throws FormatError `newer_log`, `newer_jobs` */
export function throwIfNewer(format: number, path: string, tables: Tables): void {
  const { name, title, setting } = tables;
  const known = newestFormat(tables);
  if (format <= known) return;
  throw new FormatError(
    `newer_${name}`,
    `The ${title} ${path} was written by a newer autobird (format ${format}, this one knows ${known}). The way back: autobird ${name} downgrade --to ${known} with the newer one, or a copy of before; or use another place (${setting})`,
  );
}

/** How long a process waits for another one that does the same. */
const waitMs = 600_000;

function stepwise(database: Database.Database, step: () => boolean): void {
  const { timeout } = database.prepare('PRAGMA busy_timeout').get() as { timeout: number };
  database.exec(`PRAGMA busy_timeout = ${waitMs}`);
  while (transaction(database, step));
  database.exec(`PRAGMA busy_timeout = ${timeout}`);
}
