/**
 * Charts as SVG text for {@link renderPage}, whose style sheet gives them their colours (`--c1` to `--c8`), so that they
 * follow the page into the dark and onto paper.
 */

import { addAt, total } from '../vectors.ts';
import { fixed, grid, makeAxes, niceTicks, plain, rangeOf, shorten, svg } from './axes.ts';
import { colorOf } from './colormap.ts';
import { type Html, html, nothing } from './html.ts';

export interface Series {
  readonly name: string;
  /** 1 to 8: the colour of the page's style sheet; default its place. */
  readonly color?: number;
}

const colors = 8;
const color = (series: Series, i: number): string => `var(--c${series.color ?? (i % colors) + 1})`;

/** The names of the series beside their colours. */
export function legend(series: readonly Series[]): Html {
  const entry = (one: Series, i: number) => html`<span style="--c:${color(one, i)}">${one.name}</span>`;
  return html`<div class="legend">${series.map(entry)}</div>`;
}

/** Horizontal bars, one a row, in stacked parts (`values[s]` belongs to `series[s]`); the total stands at the end. */
export function barChart(
  rows: readonly { readonly label: string; readonly values: readonly number[] }[],
  series: readonly Series[],
  { width = 760, format = plain }: { readonly width?: number; readonly format?: (value: number) => string } = {},
): Html {
  const left = Math.min(260, 16 + 7 * Math.max(0, ...rows.map(({ label }) => label.length)));
  const right = 56;
  const step = 24;
  const largest = Math.max(0, ...rows.map(({ values }) => total(values))) || 1;
  const scale = (width - left - right) / largest;
  const body = rows.map((row, r) => {
    const y = r * step;
    let x = left;
    const parts = row.values.map((value, s) => {
      const part = html`<rect x="${fixed(x)}" y="${y + 4}" width="${fixed(value * scale)}" height="${step - 8}" fill="${color(series[s] as Series, s)}"><title>${`${row.label}, ${series[s]?.name}: ${format(value)}`}</title></rect>`;
      x += value * scale;
      return part;
    });
    const middle = y + step / 2 + 4;
    return html`<text x="${left - 8}" y="${middle}" text-anchor="end">${shorten(row.label, 36)}</text>${parts}<text x="${fixed(x + 6)}" y="${middle}" class="soft">${format(total(row.values))}</text>`;
  });
  return svg(width, rows.length * step, body);
}

/** How often values fall into equal steps; the last bin takes what is above the 99th percentile when that is far away. */
export function histogram(
  values: readonly number[],
  {
    width = 360,
    height = 170,
    bins = 24,
    unit = '',
  }: { readonly width?: number; readonly height?: number; readonly bins?: number; readonly unit?: string } = {},
): Html {
  const sorted = [...values].sort((a, b) => a - b);
  const top = sorted[sorted.length - 1] ?? 1;
  const usual = sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 1;
  const ticks = niceTicks(0, top > 2 * usual ? usual : top, 5);
  const end = ticks[ticks.length - 1] as number;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.max(0, Math.min(bins - 1, Math.floor((value / end) * bins)));
    addAt(counts, bin, 1);
  }
  const cut = top > end * 1.000001;
  const frame = { left: 40, right: 16, top: 8, bottom: 38 };
  const yTicks = niceTicks(0, Math.max(...counts, 1), 3).filter(Number.isInteger);
  const axes = makeAxes(width, height, frame, [0, end], [0, yTicks[yTicks.length - 1] as number]);
  const bars = counts.map((count, i) => {
    const x = axes.x((i / bins) * end);
    const w = axes.x(((i + 1) / bins) * end) - x - 1;
    const range = `${plain((i / bins) * end)} to ${plain(((i + 1) / bins) * end)}${cut && i === bins - 1 ? ' and more' : ''} ${unit}`;
    return html`<rect x="${fixed(x)}" y="${fixed(axes.y(count))}" width="${fixed(w)}" height="${fixed(axes.y(0) - axes.y(count))}" fill="var(--c1)"><title>${`${range}: ${count}`}</title></rect>`;
  });
  const xLabels = ticks.map((tick) => (cut && tick === end ? `${plain(tick)}+` : plain(tick)));
  return svg(width, height, [...grid(axes, ticks, yTicks, xLabels, unit, ''), ...bars]);
}

/** Curves over a common axis; points that are not finite leave a gap. */
export function lineChart(
  lines: readonly (Series & { readonly points: readonly (readonly [number, number])[] })[],
  {
    width = 520,
    height = 260,
    xLabel = '',
    yLabel = '',
    xRange,
    yRange,
    diagonal = false,
  }: {
    readonly width?: number;
    readonly height?: number;
    readonly xLabel?: string;
    readonly yLabel?: string;
    /** Default: from the smallest value to the largest. */
    readonly xRange?: readonly [number, number];
    /** Default: from 0 or the smallest value to the largest. */
    readonly yRange?: readonly [number, number];
    /** Also the line x = y (for calibration). */
    readonly diagonal?: boolean;
  } = {},
): Html {
  const all = lines.flatMap(({ points }) => points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)));
  const extent = (values: readonly number[]): [number, number] =>
    values.length === 0 ? [0, 1] : [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const [xLow, xHigh] = xRange ?? extent(all.map(([x]) => x));
  const [yLow, yHigh] = yRange ?? extent([...all.map(([, y]) => y), 0]);
  const xTicks = niceTicks(xLow, xHigh, 6);
  const yTicks = niceTicks(yLow, yHigh, 5);
  const axes = makeAxes(width, height, { left: 48, right: 24, top: 10, bottom: 40 }, rangeOf(xTicks), rangeOf(yTicks));
  const curves = lines.map((line, i) => {
    let pen = 'M';
    const path = line.points.map(([x, y]) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = 'M';
        return '';
      }
      const step = `${pen}${fixed(axes.x(x))} ${fixed(axes.y(y))}`;
      pen = 'L';
      return step;
    });
    const dots =
      line.points.length > 60
        ? []
        : line.points
            .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
            .map(
              ([x, y]) =>
                html`<circle cx="${fixed(axes.x(x))}" cy="${fixed(axes.y(y))}" r="2.5" fill="${color(line, i)}"><title>${`${line.name}: ${plain(x)}, ${plain(y)}`}</title></circle>`,
            );
    return html`<path class="curve" stroke="${color(line, i)}" d="${path}"/>${dots}`;
  });
  const straight = diagonal
    ? [
        html`<path class="curve" stroke="var(--soft)" stroke-dasharray="4 4" d="M${axes.x(0)} ${axes.y(0)}L${axes.x(1)} ${axes.y(1)}"/>`,
      ]
    : [];
  return svg(width, height, [...grid(axes, xTicks, yTicks, xTicks.map(plain), xLabel, yLabel), ...straight, ...curves]);
}

/** A matrix of counts, rows against columns, coloured by the share of the row (a confusion matrix: truth against prediction). */
export function heatmap(
  values: readonly (readonly number[])[],
  rowLabels: readonly string[],
  columnLabels: readonly string[] = rowLabels,
  {
    cell = 30,
    rowTitle = '',
    columnTitle = '',
  }: { readonly cell?: number; readonly rowTitle?: string; readonly columnTitle?: string } = {},
): Html {
  const room = (labels: readonly string[]) => 14 + 6.6 * Math.min(30, Math.max(...labels.map((label) => label.length)));
  const left = room(rowLabels) + (rowTitle === '' ? 0 : 20);
  const top = room(columnLabels) * 0.72 + (columnTitle === '' ? 6 : 24);
  const width = left + cell * columnLabels.length + room(columnLabels) * 0.72;
  const height = top + cell * rowLabels.length + 4;
  // Where row and column are the same class.
  const diagonal = html` stroke="var(--ink)" stroke-width="1.2"`;
  const cells = values.flatMap((row, r) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((value, c) => {
      const share = sum === 0 ? 0 : value / sum;
      const [x, y] = [left + c * cell, top + r * cell];
      const fill = value === 0 ? 'var(--panel)' : `rgb(${colorOf(0.12 + 0.85 * share, 'viridis').join(',')})`;
      const title = `${rowLabels[r]} → ${columnLabels[c]}: ${plain(value)} (${Math.round(100 * share)} %)`;
      const number =
        value === 0
          ? nothing
          : html`<text x="${fixed(x + cell / 2)}" y="${fixed(y + cell / 2 + 4)}" text-anchor="middle" style="fill:${share > 0.55 ? '#111' : '#fff'}">${plain(value)}</text>`;
      return html`<g><title>${title}</title><rect x="${fixed(x)}" y="${fixed(y)}" width="${cell - 1}" height="${cell - 1}" rx="2" fill="${fill}"${rowLabels[r] === columnLabels[c] ? diagonal : nothing}/>${number}</g>`;
    });
  });
  const rows = rowLabels.map(
    (label, r) =>
      html`<text x="${fixed(left - 8)}" y="${fixed(top + r * cell + cell / 2 + 4)}" text-anchor="end">${shorten(label, 30)}</text>`,
  );
  const columns = columnLabels.map((label, c) => {
    const [x, y] = [left + c * cell + cell / 2, top - 6];
    return html`<text transform="translate(${fixed(x)} ${fixed(y)}) rotate(-45)">${shorten(label, 30)}</text>`;
  });
  const titles = [
    rowTitle === ''
      ? nothing
      : html`<text class="soft" text-anchor="middle" transform="translate(12 ${fixed(top + (cell * rowLabels.length) / 2)}) rotate(-90)">${rowTitle}</text>`,
    columnTitle === ''
      ? nothing
      : html`<text class="soft" text-anchor="middle" x="${fixed(left + (cell * columnLabels.length) / 2)}" y="14">${columnTitle}</text>`,
  ];
  return svg(Math.ceil(width), Math.ceil(height), [...cells, ...rows, ...columns, ...titles]);
}
