/** Reference rows against current rows: the figures of Evidently, and others beside them. */
import { expected } from '../../bindings/errors.ts';
import { isoTimeMs } from '../absoluteTime.ts';
import { checkOptions, type OptionNames } from '../options.ts';
import { mean } from '../vectors.ts';
import { Alarm, type AlarmOptions } from './alarm.ts';
import { type ColumnCorrelations, columnCorrelations } from './columnCorrelations.ts';
import { testColumn } from './columnTest.ts';
import { columnTypes } from './columnTypes.ts';
import { comparableTables, type LeftOutColumn } from './comparable.ts';
import { type DriftRow, DriftRows } from './DriftRows.ts';
import { type DataDrift, type DataDriftOptions, dataDrift } from './dataDrift.ts';
import { dataQualityMetrics } from './dataQuality.ts';
import { type EffectSize, effectSize } from './effectSize.ts';
import { type EmbeddingDrift, type EmbeddingDriftOptions, embeddingDrift } from './embeddingDrift.ts';
import { adjustForFalseDiscovery } from './falseDiscovery.ts';
import { type MissingValues, missingValues } from './missingValues.ts';
import { type DriftColumn, type DriftTable, present } from './table.ts';
import { cutWindows, type WindowOptions } from './windows.ts';

/** Fewer rows are too few for a distribution. */
const minHeldOut = 8;

/** How {@link detectDrift} compares. */
export interface DriftOptions extends Omit<DataDriftOptions, 'test' | 'threshold'> {
  /** Of corrected p-values, classes, confidence and embeddings. Default 0.05. */
  readonly level?: number;
  /** Default: those of `embeddingDrift`; null not to compare embeddings. */
  readonly embeddings?: Omit<EmbeddingDriftOptions, 'level'> | null;
  /** Windows of the trend; default none. A rest of less than half a window, or of fewer than its `minRows`, joins the last one. */
  readonly window?: WindowOptions;
  /** When the trend of `window` raises an alarm. Default: the defaults of its options. */
  readonly alarm?: AlarmOptions;
  /** A class is compared where both sides have so many rows of it. Default 10. */
  readonly leastClassRows?: number;
  /**
   * Reference rows that the model was not trained on: confidence and embeddings, which training makes better than they are
   * for anything new, are compared with these where there are at least 8. Default none.
   */
  readonly heldOut?: Iterable<DriftRow>;
}

/** A column by a test of significance (K-S or χ²), whatever the number of rows. */
export interface CorrectedTest {
  readonly name: string;
  readonly pValue: number;
  /** Benjamini-Hochberg over all columns. */
  readonly adjusted: number;
  readonly drifted: boolean;
  readonly effect: EffectSize;
}

/** The rows of one label on both sides, feature by feature. */
export interface ClassDrift {
  readonly label: string;
  readonly referenceRows: number;
  readonly currentRows: number;
  /** Corrected over all classes and features. */
  readonly features: readonly CorrectedTest[];
  readonly drifted: boolean;
}

/** The best scores of both sides. */
export interface ConfidenceDrift {
  readonly referenceMean: number;
  readonly currentMean: number;
  /** K-S. */
  readonly pValue: number;
  readonly effect: EffectSize;
  readonly drifted: boolean;
}

/** One window of the trend, compared with the reference. */
export interface TrendPoint {
  readonly from: string | null;
  readonly to: string | null;
  readonly rows: number;
  readonly shareOfDriftedColumns: number;
  readonly datasetDrift: boolean;
  readonly driftedColumns: readonly string[];
  readonly alarm: boolean;
  readonly confidenceMean: number | null;
  /** Effect size of each column against the reference. */
  readonly effects: Readonly<Record<string, number>>;
}

/** What {@link detectDrift} found: of the data set, each column, class and window. */
export interface DriftResult {
  readonly referenceRows: number;
  readonly currentRows: number;
  /** Rows of `heldOut` that confidence and embeddings were compared with; 0 where it was the reference. */
  readonly heldOutRows: number;
  /** Evidently's verdict. */
  readonly drift: DataDrift;
  /** Columns that could not be compared, and why. */
  readonly leftOut: readonly LeftOutColumn[];
  /** Evidently's DatasetSummaryMetric and ColumnSummaryMetric, as it spells them. */
  readonly quality: readonly object[];
  /** Evidently's DatasetMissingValuesMetric, as it spells it. */
  readonly missing: { readonly current: MissingValues; readonly reference: MissingValues };
  /** Of target and prediction, where both sides have them. */
  readonly correlations: readonly ColumnCorrelations[];
  readonly corrected: readonly CorrectedTest[];
  readonly classes: readonly ClassDrift[];
  readonly confidence: ConfidenceDrift | null;
  readonly embeddings: EmbeddingDrift | null;
  readonly trend: readonly TrendPoint[];
}

const optionNames: OptionNames<DriftOptions> = {
  driftShare: 1,
  only: 1,
  pValue: 1,
  distance: 1,
  level: 1,
  embeddings: 1,
  window: 1,
  alarm: 1,
  leastClassRows: 1,
  heldOut: 1,
};

/**
 * Compares current rows with the reference. Rows are kept column by column: those of `readSide` as they are, others copied
 * as they come.
 *
 * ```ts
 * const { drift } = detectDrift(reference, current);
 * if (drift.datasetDrift) console.log(drift.columns.filter(({ drifted }) => drifted).map(({ name }) => name));
 * ```
 *
 * @throws InvalidArgumentError for a side without rows or an option out of range; AutobirdError `no_columns` where no column
 *   can be compared
 */
export function detectDrift(
  reference: Iterable<DriftRow>,
  current: Iterable<DriftRow>,
  options: DriftOptions = {},
): DriftResult {
  checkOptions('detectDrift', options, optionNames);
  const { level = 0.05, window, leastClassRows = 10, heldOut = [] } = options;
  if (!(level > 0 && level < 1)) throw expected('a number between 0 and 1', 'level', level);
  if (window !== undefined && !(Number.isInteger(window.rows) && window.rows > 0)) {
    throw expected('a positive integer', 'window.rows', window.rows);
  }
  const [beforeRows, nowRows, untrained] = [DriftRows.of(reference), DriftRows.of(current), DriftRows.of(heldOut)];
  const ofModel = untrained.length >= minHeldOut ? untrained : beforeRows;
  const tables = { before: beforeRows.table, now: nowRows.table };
  const { reference: before, current: now, leftOut } = comparableTables(tables.before, tables.now);
  const drift = dataDrift(before, now, options);
  const names = drift.columns.map(({ name }) => name);
  return {
    referenceRows: before.rows,
    currentRows: now.rows,
    heldOutRows: ofModel === untrained ? untrained.length : 0,
    drift,
    leftOut,
    quality: dataQualityMetrics(tables.before, tables.now),
    missing: { current: missingValues(tables.now), reference: missingValues(tables.before) },
    correlations: names
      .filter((name) => name === 'target' || name === 'prediction')
      .map((name) => columnCorrelations(name, before, now)),
    corrected: correctedTests(before, now, names, level),
    classes: classDrift(beforeRows, nowRows, names, level, leastClassRows),
    confidence: confidenceDrift(ofModel, nowRows, level),
    embeddings:
      options.embeddings === null
        ? null
        : embeddingDrift(ofModel.embeddings, nowRows.embeddings, { ...options.embeddings, level }),
    trend: window === undefined ? [] : driftTrend(beforeRows, nowRows, { ...options, window }),
  };
}

/** Windows of the current rows in order of time, each against the whole reference, with the alarm they raise. */
export function driftTrend(
  reference: Iterable<DriftRow>,
  current: Iterable<DriftRow>,
  options: DriftOptions & { readonly window: WindowOptions },
): TrendPoint[] {
  const alarm = new Alarm(options.alarm);
  const [before, now] = [DriftRows.of(reference), DriftRows.of(current)];
  return windowsOf(now, options.window).map((places) => {
    const point = trendPoint(before, now.pick(places), options);
    return { ...point, alarm: alarm.add(point.shareOfDriftedColumns).raised };
  });
}

/** One window against the reference. */
export function trendPoint(
  reference: Iterable<DriftRow>,
  window: Iterable<DriftRow>,
  options: DriftOptions = {},
): Omit<TrendPoint, 'alarm'> {
  const rows = DriftRows.of(window);
  const { reference: before, current: now } = comparableTables(DriftRows.of(reference).table, rows.table);
  const drift = dataDrift(before, now, options);
  const effects = drift.columns.map(({ name }) => [name, effectSize(column(before, name), column(now, name)).value]);
  return {
    from: rows.times[0] ?? null,
    to: rows.times.at(-1) ?? null,
    rows: rows.length,
    shareOfDriftedColumns: drift.shareOfDriftedColumns,
    datasetDrift: drift.datasetDrift,
    driftedColumns: drift.columns.filter(({ drifted }) => drifted).map(({ name }) => name),
    confidenceMean: meanOrNull(rows.confidences),
    effects: Object.fromEntries(effects),
  };
}

/** Places of the rows of each window. Each row once: nothing is dropped that is there. */
function windowsOf(rows: DriftRows, options: WindowOptions): Uint32Array[] {
  const { windows, rest } = cutWindows(inOrderOfTime(rows), options);
  const places = (window: readonly { readonly place: number }[]) => Uint32Array.from(window, ({ place }) => place);
  if (rest.length === 0) return windows.map(places);
  const last = windows.at(-1);
  const isFew = rest.length * 2 < options.rows || rest.length < (options.minRows ?? 1);
  const all = last !== undefined && isFew ? [...windows.slice(0, -1), [...last, ...rest]] : [...windows, rest];
  return all.map(places);
}

/** A row without a time stays behind the one before it. */
function inOrderOfTime(rows: DriftRows): { readonly place: number; readonly at: string | null }[] {
  let last = Number.NEGATIVE_INFINITY;
  const timed = rows.times.map((at, place) => {
    const time = isoTimeMs(at ?? '');
    if (!Number.isNaN(time)) last = time;
    return { place, at, time: last };
  });
  return timed.sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)));
}

function correctedTests(before: DriftTable, now: DriftTable, names: readonly string[], level: number): CorrectedTest[] {
  const types = columnTypes(before, now);
  const tests = names.map((name) => {
    const [a, b] = [column(before, name), column(now, name)];
    const type = types.get(name) as 'num' | 'cat';
    const { score } = testColumn(name, type, a, b, { test: type === 'num' ? 'ks' : 'chisquare' });
    return { name, pValue: score, effect: effectSize(a, b) };
  });
  return corrected(tests, level);
}

function corrected<T extends { readonly pValue: number }>(tests: readonly T[], level: number) {
  const adjusted = adjustForFalseDiscovery(tests.map(({ pValue }) => pValue));
  return tests.map((one, i) => ({
    ...one,
    adjusted: adjusted[i] as number,
    drifted: (adjusted[i] as number) <= level,
  }));
}

function classDrift(
  reference: DriftRows,
  current: DriftRows,
  names: readonly string[],
  level: number,
  least: number,
): ClassDrift[] {
  // The same column on both sides: true labels and predicted ones must not be compared with each other.
  const column = names.includes('target') ? 'target' : 'prediction';
  const [placesBefore, placesNow] = [reference.placesByText(column), current.placesByText(column)];
  const labels = [...placesBefore.keys()].sort();
  const features = names.filter((name) => name !== 'target' && name !== 'prediction');
  const none = new Uint32Array();
  const compared = labels
    .map((label) => ({ label, before: placesBefore.get(label) ?? none, now: placesNow.get(label) ?? none }))
    .filter(({ before, now }) => before.length >= least && now.length >= least);
  const tests = compared.flatMap(({ label, before, now }) => {
    const [a, b] = [reference.pick(before).table, current.pick(now).table];
    const usable = features.filter((name) => hasValues(a, name) && hasValues(b, name));
    return correctedTests(a, b, usable, level).map(({ name, pValue, effect }) => ({ label, name, pValue, effect }));
  });
  const all = corrected(tests, level);
  return compared.map(({ label, before, now }) => {
    const own = all.filter((one) => one.label === label).map(({ label: _, ...one }) => one);
    const drifted = own.some((one) => one.drifted);
    return { label, referenceRows: before.length, currentRows: now.length, features: own, drifted };
  });
}

function confidenceDrift(reference: DriftRows, current: DriftRows, level: number): ConfidenceDrift | null {
  const [before, now] = [reference.confidences, current.confidences];
  const [referenceMean, currentMean] = [meanOrNull(before), meanOrNull(now)];
  if (referenceMean === null || currentMean === null) return null;
  const [a, b] = [before, now].map((values): DriftColumn => ({ kind: 'number', integer: false, values }));
  const { score: pValue } = testColumn('confidence', 'num', a as DriftColumn, b as DriftColumn, { test: 'ks' });
  const effect = effectSize(a as DriftColumn, b as DriftColumn);
  return { referenceMean, currentMean, pValue, effect, drifted: pValue <= level };
}

function column(table: DriftTable, name: string): DriftColumn {
  return table.columns.get(name) as DriftColumn;
}

function hasValues(table: DriftTable, name: string): boolean {
  const found = table.columns.get(name);
  return found !== undefined && present(found).length > 0;
}

function meanOrNull(values: Float64Array): number | null {
  return values.length === 0 ? null : mean(values);
}
