/** `drift.html`: one comparison, to be looked at. Sections and texts of Evidently's report, then what is beyond it. */

import type { ColumnCorrelations, CorrelationKind } from '../drift/columnCorrelations.ts';
import type { ColumnDrift } from '../drift/dataDrift.ts';
import type { CorrectedTest, DriftResult } from '../drift/detectDrift.ts';
import { distributions, minute, smallBars, timeline } from './driftCharts.ts';
import { type Html, type HtmlValue, html, nothing } from './html.ts';
import { figure, notice, renderPage, type Section, table, tiles } from './page.ts';
import { legend, lineChart } from './svg.ts';

/** What stands above the page. */
export interface DriftPageOptions {
  /** Above the page. Default `Drift report`. */
  readonly title?: string;
  /** What it was compared with, in words. Default `reference`. */
  readonly reference?: string;
  /** What was compared, in words. Default `current`. */
  readonly current?: string;
}

/** One file that needs nothing else. */
export function driftPage(result: DriftResult, options: DriftPageOptions = {}): string {
  const { title = 'Drift report', reference = 'reference', current = 'current' } = options;
  const sections: (Section | null)[] = [
    { title: 'Dataset Drift', body: verdict(result) },
    trend(result),
    { title: 'Data Drift Summary', body: driftTable(result) },
    { title: 'Dataset Summary', body: summary(result) },
    { title: 'Columns', body: columnSummaries(result) },
    { title: 'Dataset Missing Values', body: missing(result) },
    targetDrift(result),
    ...result.correlations.map(correlationSection),
    { title: 'Effect sizes and corrected tests', body: corrected(result) },
    classes(result),
    model(result),
  ];
  return renderPage({
    title,
    subtitle: `${result.currentRows} rows of ${current} against ${result.referenceRows} rows of ${reference}`,
    sections: sections.filter((section) => section !== null),
    footer:
      'Tests, thresholds and the dataset rule are those of Evidently 0.7; what is over time and from "Effect sizes" on is autobird’s own.',
  });
}

function verdict({ drift, leftOut }: DriftResult): Html {
  const is = drift.datasetDrift ? 'detected' : 'NOT detected';
  const text = `Dataset Drift is ${is}. Dataset drift detection threshold is ${drift.driftShare}`;
  const figures = tiles([
    { value: String(drift.columns.length), label: 'Columns' },
    { value: String(drift.driftedColumns), label: 'Drifted Columns' },
    { value: fixed3(drift.shareOfDriftedColumns), label: 'Share of Drifted Columns' },
  ]);
  const others = leftOut.map(({ name, reason }) => html`<p>Not compared: <b>${name}</b> (${reason}).</p>`);
  return html`${notice(drift.datasetDrift ? 'bad' : 'good', text)}${figures}${others}`;
}

function driftTable({ drift }: DriftResult): Html {
  const first = ({ name }: ColumnDrift) => (name === 'target' ? 0 : name === 'prediction' ? 1 : 2);
  const columns = drift.columns.toSorted((a, b) => first(a) - first(b) || b.score - a.score);
  const percent = Number((100 * drift.shareOfDriftedColumns).toFixed(3));
  const rows = columns.map((column) => [
    details(column),
    column.type,
    smallBars(column, 'reference'),
    smallBars(column, 'current'),
    badge(column.drifted),
    line(column.displayName),
    String(Number(column.score.toFixed(6))),
  ]);
  const titles = [
    'Column',
    'Type',
    'Reference Distribution',
    'Current Distribution',
    'Data Drift',
    'Stat Test',
    'Drift Score',
  ];
  return html`<p>Drift is detected for ${percent}% of columns (${drift.driftedColumns} out of ${drift.columns.length}).</p>${table(titles, rows)}`;
}

function details(column: ColumnDrift): Html {
  const rule = `Drift ${column.drifted ? 'detected' : 'not detected'}: score ${Number(column.score.toPrecision(6))}, threshold ${column.threshold}.`;
  return html`<details><summary style="white-space:nowrap">${column.name}</summary><p><small>DATA DRIFT</small><br>${rule}</p><p><small>DATA DISTRIBUTION</small></p>${both(column)}</details>`;
}

function badge(drifted: boolean): Html {
  return html`<b style="color:var(--${drifted ? 'bad' : 'good'});white-space:nowrap">${drifted ? 'Detected' : 'Not Detected'}</b>`;
}

function both(column: ColumnDrift): Html {
  const sides = legend([
    { name: 'reference', color: 1 },
    { name: 'current', color: 2 },
  ]);
  return html`${sides}${distributions(column)}`;
}

interface QualityMetric {
  readonly metric: string;
  readonly result: Readonly<Record<string, unknown>>;
}

const summaryRows = [
  ['target column', 'target'],
  ['prediction column', 'prediction'],
  ['number of columns', 'number_of_columns'],
  ['number of rows', 'number_of_rows'],
  ['missing values', 'number_of_missing_values'],
  ['categorical columns', 'number_of_categorical_columns'],
  ['numeric columns', 'number_of_numeric_columns'],
  ['empty columns', 'number_of_empty_columns'],
  ['constant columns', 'number_of_constant_columns'],
  ['almost constant features', 'number_of_almost_constant_columns'],
  ['duplicated columns', 'number_of_duplicated_columns'],
  ['almost duplicated features', 'number_of_almost_duplicated_columns'],
] as const;

function summary({ quality }: DriftResult): Html {
  const { result } = quality[0] as QualityMetric;
  const side = (name: string) => result[name] as Readonly<Record<string, unknown>>;
  const rows = summaryRows.map(([text, key]) => [text, shown(side('current')[key]), shown(side('reference')[key])]);
  return table([{ title: 'Metric' }, { title: 'Current', numeric: true }, { title: 'Reference', numeric: true }], rows);
}

function columnSummaries({ quality }: DriftResult): HtmlValue {
  const tables = (quality.slice(1) as QualityMetric[]).map(({ result }) => {
    const [now, before] = ['current_characteristics', 'reference_characteristics'].map(
      (key) => result[key] as Readonly<Record<string, unknown>>,
    ) as [Record<string, unknown>, Record<string, unknown>];
    const rows = Object.keys(now).map((key) => [key.replaceAll('_', ' '), shown(now[key]), shown(before[key])]);
    const titles = [{ title: '' }, { title: 'current', numeric: true }, { title: 'reference', numeric: true }];
    return html`<details><summary>${`${result['column_name']} (${result['column_type']})`}</summary>${table(titles, rows)}</details>`;
  });
  return tables;
}

function missing({ missing: { current, reference } }: DriftResult): Html {
  const info = ({ number_of_missing_values: count, share_of_missing_values: share }: typeof current) =>
    `${count} (${Number((100 * share).toFixed(3))}%)`;
  const figures = tiles([
    { value: info(current), label: 'Missing values (Current data)' },
    { value: info(reference), label: 'Missing values (Reference data)' },
  ]);
  const [now, before] = [current.number_of_missing_values_by_column, reference.number_of_missing_values_by_column];
  const rows = Object.entries(now)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, String(count), String(before[name] ?? '–')]);
  const titles = [{ title: 'Value' }, { title: 'Current', numeric: true }, { title: 'Reference', numeric: true }];
  const isAnyMissing = rows.some(([, a, b]) => a !== '0' || b !== '0');
  return html`${figures}${isAnyMissing ? table(titles, rows) : nothing}`;
}

function correlationSection({ column, current, reference }: ColumnCorrelations): Section | null {
  const kinds = Object.keys(current) as CorrelationKind[];
  if (kinds.length === 0) return null;
  const rows = kinds.flatMap((kind) =>
    (current[kind]?.x ?? []).map((name, i) => [
      kind,
      name,
      correlation(current[kind]?.y[i]),
      correlation(reference[kind]?.y[i]),
    ]),
  );
  const titles = [
    { title: '' },
    { title: 'column' },
    { title: 'current', numeric: true },
    { title: 'reference', numeric: true },
  ];
  return { title: `Correlations for column '${column}'.`, body: table(titles, rows) };
}

function correlation(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(3);
}

function targetDrift({ drift }: DriftResult): Section | null {
  const targets = drift.columns.filter(({ name }) => name === 'target' || name === 'prediction');
  if (targets.length === 0) return null;
  const body = targets.map((column) => {
    const text = `Data drift ${column.drifted ? 'detected' : 'not detected'}. Drift detection method: ${column.displayName}. Drift score: ${fixed3(column.score)}`;
    return html`<p>Drift in column ‘${column.name}’</p>${notice(column.drifted ? 'bad' : 'good', text)}${both(column)}`;
  });
  return { title: 'Target Drift', body };
}

const testTitles = ['column', 'p', 'corrected p', 'effect', 'size', 'drift'];

function testCells({ name, pValue, adjusted, effect, drifted }: CorrectedTest): Html[] {
  const kind = effect.kind === 'cliffs_delta' ? 'δ' : 'V';
  const cells = [name, probability(pValue), probability(adjusted), `${kind} ${fixed3(effect.value)}`];
  return [...cells, effect.size, badge(drifted)].map(line);
}

function corrected({ corrected: tests }: DriftResult): Html {
  const text =
    'With many rows every difference is significant, with few none is: the effect size says how large it is. Cliff’s δ is the chance that a current value is larger less the chance that it is smaller; Cramér’s V of categories is 0 to 1. p is of the K-S or χ² test, corrected after Benjamini and Hochberg.';
  return html`<p>${text}</p>${table(testTitles, tests.map(testCells))}`;
}

function classes({ classes: all }: DriftResult): Section | null {
  if (all.length === 0) return null;
  const rows = all.flatMap(({ label, referenceRows, currentRows, features }) =>
    features.map((one) => [line(label), `${currentRows} / ${referenceRows}`, ...testCells(one)]),
  );
  const drifted = all.filter((one) => one.drifted).map(({ label }) => label);
  const text = drifted.length === 0 ? 'No class has drifted.' : `Drifted: ${drifted.join(', ')}.`;
  return {
    title: 'Classes',
    body: html`<p>${text} Corrected over all classes and columns.</p>${table(['class', 'rows now / before', ...testTitles], rows)}`,
  };
}

function model({ confidence, embeddings, heldOutRows }: DriftResult): Section | null {
  if (confidence === null && embeddings === null) return null;
  const rows: HtmlValue[][] = [];
  if (confidence !== null) {
    const { referenceMean, currentMean, pValue, drifted } = confidence;
    rows.push([
      'confidence',
      `mean ${fixed3(currentMean)}, before ${fixed3(referenceMean)}`,
      probability(pValue),
      badge(drifted),
    ]);
  }
  if (embeddings !== null) {
    const { mmd, classifier, drifted } = embeddings;
    rows.push([
      'embeddings: MMD',
      `${mmd.statistic.toExponential(2)}, kernel width ${fixed3(mmd.bandwidth)}`,
      probability(mmd.pValue),
      badge(drifted),
    ]);
    rows.push([
      'embeddings: classifier',
      `area under the curve ${fixed3(classifier.auc)}`,
      probability(classifier.pValue),
      badge(drifted),
    ]);
  }
  const against =
    heldOutRows > 0
      ? `Compared with ${heldOutRows} recordings that the model was not trained on.`
      : 'Compared with the reference; where the model was trained on it, it is surer there than of anything new.';
  const cells = rows.map((row) => row.map(line));
  return {
    title: 'What the model notices',
    body: html`<p>${against}</p>${table(['what', 'figure', 'p', 'drift'], cells)}`,
  };
}

/** A single window is the comparison itself. */
function trend({ trend: points, drift }: DriftResult): Section | null {
  if (points.length < 2) return null;
  const colors = legend([
    { name: 'window', color: 1 },
    { name: 'window with dataset drift', color: 3 },
  ]);
  const effects = drift.columns.map(({ name }) => ({
    name,
    points: points.map((point, i): [number, number] => [i + 1, point.effects[name] ?? Number.NaN]),
  }));
  const charts = [
    figure(
      [colors, timeline(points, drift.driftShare)],
      'A window is a stretch of rows, each compared with the whole reference. Dashed: from here on that is drift. Red below: the alarm, which rises after several high windows and ends after several low ones.',
    ),
    figure(
      [legend(effects), lineChart(effects, { width: 920, height: 240, xLabel: 'window', yLabel: 'effect size' })],
      'How far each column is from the reference: Cliff’s δ or Cramér’s V.',
    ),
  ];
  const rows = points.map((point, i) => [
    String(i + 1),
    point.from ? minute(point.from) : '–',
    point.to ? minute(point.to) : '–',
    String(point.rows),
    fixed3(point.shareOfDriftedColumns),
    point.driftedColumns.join(', ') || '–',
    point.alarm ? 'raised' : '–',
  ]);
  const titles = ['window', 'from', 'to', 'rows', 'share', 'drifted', 'alarm'];
  const windows = table(
    titles,
    rows.toReversed().map((cells) => cells.map((cell) => line(cell))),
  );
  return {
    title: 'Over time',
    body: html`${charts}<details><summary>The windows, the newest first</summary>${windows}</details>`,
  };
}

/** A cell that stays on one line: the table scrolls where there is no room. */
function line(cell: HtmlValue): Html {
  return html`<span style="white-space:nowrap">${cell}</span>`;
}

function shown(value: unknown): string {
  return value === null || value === undefined ? '–' : String(value);
}

function fixed3(value: number): string {
  return String(Number(value.toFixed(3)));
}

function probability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
