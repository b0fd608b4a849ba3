/** What charts with two axes share. */
import { type Html, type HtmlValue, html, nothing } from './html.ts';

export interface Axes {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

export function makeAxes(
  width: number,
  height: number,
  margin: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
  [xLow, xHigh]: readonly [number, number],
  [yLow, yHigh]: readonly [number, number],
): Axes {
  const { left, top } = margin;
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  return {
    left,
    right,
    top,
    bottom,
    x: (value) => left + ((value - xLow) / (xHigh - xLow || 1)) * (right - left),
    y: (value) => bottom - ((value - yLow) / (yHigh - yLow || 1)) * (bottom - top),
  };
}

export function grid(
  axes: Axes,
  xTicks: readonly number[],
  yTicks: readonly number[],
  xLabels: readonly string[],
  xTitle: string,
  yTitle: string,
): HtmlValue[] {
  const middle = (axes.left + axes.right) / 2;
  return [
    ...yTicks.map((tick) => {
      const y = fixed(axes.y(tick));
      return html`<line class="grid" x1="${axes.left}" x2="${axes.right}" y1="${y}" y2="${y}"/><text class="soft" x="${axes.left - 6}" y="${fixed(axes.y(tick) + 4)}" text-anchor="end">${plain(tick)}</text>`;
    }),
    ...xTicks.map(
      (tick, i) =>
        html`<text class="soft" x="${fixed(axes.x(tick))}" y="${axes.bottom + 16}" text-anchor="middle">${xLabels[i] as string}</text>`,
    ),
    xTitle === ''
      ? nothing
      : html`<text class="soft" x="${fixed(middle)}" y="${axes.bottom + 33}" text-anchor="middle">${xTitle}</text>`,
    yTitle === ''
      ? nothing
      : html`<text class="soft" text-anchor="middle" transform="translate(12 ${fixed((axes.top + axes.bottom) / 2)}) rotate(-90)">${yTitle}</text>`,
  ];
}

/** About `count` round numbers that enclose low and high. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) as number) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The range of an axis from its first to its last tick. */
export function rangeOf(ticks: readonly number[]): [number, number] {
  return [ticks[0] as number, ticks.at(-1) as number];
}

/** A number as people write it: at most four digits, no trailing zeros. */
export function plain(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-GB');
  return String(Number(value.toPrecision(4)));
}

export function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}

export function shorten(text: string, maxLetters: number): string {
  const letters = [...text];
  return letters.length > maxLetters ? `${letters.slice(0, maxLetters - 1)}…` : text;
}

export function svg(width: number, height: number, parts: readonly HtmlValue[]): Html {
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">${parts}</svg>`;
}
