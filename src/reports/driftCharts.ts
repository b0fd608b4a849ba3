/** Charts of a drift report as SVG that follows the page into the dark. */

import type { ColumnDrift, SmallDistribution } from '../drift/dataDrift.ts';
import type { TrendPoint } from '../drift/detectDrift.ts';
import { total } from '../vectors.ts';
import { fixed, grid, makeAxes, niceTicks, plain, rangeOf, shorten, svg } from './axes.ts';
import { type Html, html, nothing } from './html.ts';

const referenceColor = 'var(--c1)';
const currentColor = 'var(--c2)';
/** Categories that are shown; the rest is counted. */
const maxCategories = 16;

/** Bars of one side without axes, for a row of a table; of numbers over the range of both sides. */
export function smallBars(column: ColumnDrift, which: 'reference' | 'current'): Html {
  const [width, height] = [150, 44];
  const side = column[which];
  const tallest = Math.max(...side.y, 1e-300);
  const [low, high] = range(column);
  const place = (value: number) => ((value - low) / (high - low || 1)) * width;
  const color = which === 'reference' ? referenceColor : currentColor;
  const bars = side.y.map((value, i) => {
    const [from, to] = isNumeric(side) ? [Number(side.x[i]), Number(side.x[i + 1])] : [i, i + 1];
    const tall = (value / tallest) * (height - 2);
    const title = isNumeric(side) ? `${plain(from)} to ${plain(to)}` : `${side.x[i]}: ${value}`;
    return html`<rect x="${fixed(place(from))}" y="${fixed(height - tall)}" width="${fixed(Math.max(0.6, place(to) - place(from) - 0.8))}" height="${fixed(tall)}" fill="${color}"><title>${title}</title></rect>`;
  });
  return svg(width, height, [
    html`<line class="grid" x1="0" x2="${width}" y1="${height - 0.5}" y2="${height - 0.5}"/>`,
    ...bars,
  ]);
}

/** Both sides in one picture: of numbers densities over one axis, of categories shares beside their names. */
export function distributions(column: ColumnDrift): Html {
  return isNumeric(column.reference) ? densities(column) : categories(column);
}

function densities(column: ColumnDrift): Html {
  const { reference, current } = column;
  const xTicks = niceTicks(...range(column), 6);
  const yTicks = niceTicks(0, Math.max(...reference.y, ...current.y), 3);
  const margin = { left: 44, right: 14, top: 8, bottom: 38 };
  const axes = makeAxes(520, 190, margin, rangeOf(xTicks), rangeOf(yTicks));
  const outline = ({ x, y }: SmallDistribution) => {
    const steps = y.map((value, i) => {
      const height = fixed(axes.y(value));
      return `L${fixed(axes.x(Number(x[i])))} ${height}L${fixed(axes.x(Number(x[i + 1])))} ${height}`;
    });
    const [from, to] = [Number(x[0]), Number(x.at(-1))].map((value) => fixed(axes.x(value)));
    const floor = fixed(axes.y(0));
    return `M${from} ${floor}${steps}L${to} ${floor}`;
  };
  const shape = (side: SmallDistribution, color: string) =>
    html`<path d="${outline(side)}" fill="${color}" fill-opacity="0.22" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`;
  return svg(520, 190, [
    ...grid(axes, xTicks, yTicks, xTicks.map(plain), column.name, 'density'),
    shape(reference, referenceColor),
    shape(current, currentColor),
  ]);
}

/** The categories whose shares differ most come first. */
function categories({ reference, current }: ColumnDrift): Html {
  const [before, now] = [total(reference.y) || 1, total(current.y) || 1];
  const all = reference.x
    .map((name, i) => {
      const [first, second] = [(reference.y[i] as number) / before, (current.y[i] as number) / now];
      return { name: String(name), first, second, difference: Math.abs(second - first) };
    })
    .sort((a, b) => b.difference - a.difference);
  const rows = all.slice(0, maxCategories);
  const largest = Math.max(...rows.flatMap(({ first, second }) => [first, second]), 1e-300);
  const [left, width, step] = [16 + 7 * Math.min(26, Math.max(...rows.map(({ name }) => name.length))), 520, 30];
  const scale = (width - left - 60) / largest;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const bar = (share: number, y: number, color: string) =>
    html`<rect x="${left}" y="${y}" width="${fixed(share * scale)}" height="10" fill="${color}"/><text class="soft" x="${fixed(left + share * scale + 6)}" y="${y + 9}" style="font-size:10px">${percent(share)}</text>`;
  const parts = rows.map(({ name, first, second }, i) => {
    const y = i * step + 4;
    return html`<text x="${left - 8}" y="${y + 15}" text-anchor="end">${shorten(name, 26)}</text>${bar(first, y, referenceColor)}${bar(second, y + 11, currentColor)}`;
  });
  const rest = all.length - rows.length;
  const note = rest > 0 ? html`<p><small>${rest} more differ less.</small></p>` : nothing;
  return html`${svg(width, rows.length * step + 4, parts)}${note}`;
}

/** Share of drifted columns of each window, from where on that is drift, and when the alarm was raised. */
export function timeline(points: readonly TrendPoint[], driftShare: number): Html {
  const [width, height] = [920, 230];
  const margin = { left: 58, right: 14, top: 10, bottom: 46 };
  const axes = makeAxes(width, height, margin, [0, points.length], [0, 1]);
  const wide = axes.x(1) - axes.x(0);
  const gap = Math.min(3, wide / 6);
  const bars = points.map((point, i) => {
    const top = axes.y(point.shareOfDriftedColumns);
    const color = point.datasetDrift ? 'var(--c3)' : 'var(--c1)';
    // A window without drift is a window too.
    const tall = Math.max(2, axes.bottom - top);
    const title = `${span(point)}: ${point.rows} rows, ${plain(point.shareOfDriftedColumns)} drifted${point.driftedColumns.length > 0 ? ` (${point.driftedColumns.join(', ')})` : ''}`;
    return html`<g><title>${title}</title><rect x="${fixed(axes.x(i) + gap / 2)}" y="${fixed(axes.bottom - tall)}" width="${fixed(wide - gap)}" height="${fixed(tall)}" fill="${color}"/></g>`;
  });
  const alarms = points.map((point, i) =>
    point.alarm
      ? html`<rect x="${fixed(axes.x(i))}" y="${axes.bottom + 3}" width="${fixed(wide + 0.5)}" height="6" fill="var(--bad)"/>`
      : nothing,
  );
  const threshold = fixed(axes.y(driftShare));
  const labels = labelled(points.length).map((i) => {
    const anchor = i === 0 ? 'start' : i === points.length - 1 ? 'end' : 'middle';
    const x = anchor === 'start' ? axes.x(0) : anchor === 'end' ? axes.x(points.length) : axes.x(i + 0.5);
    const text = points[i]?.to ? minute(points[i]?.to as string) : `window ${i + 1}`;
    return html`<text class="soft" x="${fixed(x)}" y="${axes.bottom + 26}" text-anchor="${anchor}">${text}</text>`;
  });
  return svg(width, height, [
    ...grid(axes, [], [0, 0.25, 0.5, 0.75, 1], [], '', 'share drifted'),
    ...bars,
    html`<line x1="${axes.left}" x2="${axes.right}" y1="${threshold}" y2="${threshold}" stroke="var(--soft)" stroke-dasharray="5 4"/>`,
    ...alarms,
    ...labels,
  ]);
}

/** The first, the last and some between, so that their times do not touch. */
function labelled(count: number): number[] {
  const shown = Math.min(count, 5);
  return shown < 2 ? [0] : Array.from({ length: shown }, (_, i) => Math.round((i * (count - 1)) / (shown - 1)));
}

/** `2026-01-31 06:30` */
export function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

function span({ from, to }: TrendPoint): string {
  return from && to ? `${minute(from)} to ${minute(to)}` : 'window';
}

/** Of numbers there is one edge more than bars. */
function isNumeric({ x, y }: SmallDistribution): boolean {
  return x.length === y.length + 1;
}

function range({ reference, current }: ColumnDrift): [number, number] {
  if (!isNumeric(reference)) return [0, reference.y.length];
  const edges = [...reference.x, ...current.x].map(Number);
  return [Math.min(...edges), Math.max(...edges)];
}
