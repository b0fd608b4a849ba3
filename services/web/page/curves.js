// How a run learns, epoch by epoch.
import uPlot from '../vendor/uplot/uPlot.esm.js';
import { el } from './dom.js';

/** @import { Epoch } from '../pageTypes.d.ts' */
/** @typedef {{ name: string, color: string, dash?: number[], value: (epoch: Epoch) => number | null }} Line */

/** @type {{ title: string, lines: Line[], range?: [number, number], format: (value: number) => string }[]} */
const charts = [
  {
    title: 'Loss',
    lines: [
      { name: 'training', color: '--c2', dash: [6, 4], value: ({ train_loss }) => train_loss },
      { name: 'validation', color: '--c1', value: ({ val_loss }) => val_loss },
    ],
    format: (value) => value.toFixed(3),
  },
  {
    title: 'Share right',
    lines: [
      { name: 'training', color: '--c2', dash: [6, 4], value: ({ train_accuracy }) => train_accuracy },
      { name: 'validation', color: '--c1', value: ({ val_accuracy }) => val_accuracy },
      { name: 'validation, balanced', color: '--c4', dash: [2, 3], value: ({ val_balanced_accuracy }) => val_balanced_accuracy },
    ],
    range: [0, 1],
    format: (value) => `${(100 * value).toFixed(1)} %`,
  },
  {
    title: 'Learning rate',
    lines: [{ name: 'rate', color: '--c5', value: ({ learning_rate }) => learning_rate }],
    format: (value) => value.toExponential(1),
  },
];

/** @param {HTMLElement} place */
export function createCurves(place) {
  /** @type {uPlot[]} */
  let plots = [];
  /** @type {readonly Epoch[]} */
  let shown = [];
  const figures = charts.map(({ title }) => el('figure', {}, el('figcaption', {}, title), el('div', { class: 'plot' })));
  place.replaceChildren(...figures);

  const dataOf = (/** @type {Line[]} */ lines) =>
    /** @type {uPlot.AlignedData} */ ([shown.map(({ epoch }) => epoch), ...lines.map(({ value }) => shown.map(value))]);

  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = figures.map((figure, i) => {
      const { lines, range, format } = /** @type {(typeof charts)[number]} */ (charts[i]);
      const target = /** @type {HTMLElement} */ (figure.querySelector('.plot'));
      return new uPlot({ ...optionsOf(lines, range, format), width: target.clientWidth, height: 230 }, dataOf(lines), target);
    });
  };
  // Colours are read when it is drawn, so it is drawn again in the other scheme.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  new ResizeObserver(() => {
    figures.forEach((figure, i) => {
      const width = figure.querySelector('.plot')?.clientWidth ?? 0;
      if (plots[i] && width > 0 && width !== plots[i].width) plots[i].setSize({ width, height: 230 });
    });
  }).observe(place);

  return {
    /** @param {readonly Epoch[]} metrics */
    show(metrics) {
      const isSame = metrics.length === shown.length && plots.length > 0;
      shown = metrics;
      figures.forEach((figure, i) => {
        const { title, lines, format } = /** @type {(typeof charts)[number]} */ (charts[i]);
        const target = /** @type {HTMLElement} */ (figure.querySelector('.plot'));
        target.setAttribute('role', 'img');
        target.setAttribute('aria-label', describe(title, lines, format, metrics));
      });
      if (isSame) return;
      if (plots.length === 0) draw();
      else plots.forEach((plot, i) => plot.setData(dataOf(/** @type {(typeof charts)[number]} */ (charts[i]).lines)));
    },
  };
}

/**
 * @param {Line[]} lines
 * @param {[number, number] | undefined} range
 * @param {(value: number) => string} format
 */
function optionsOf(lines, range, format) {
  const style = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
  };
  const whole = (/** @type {number} */ value) => (Number.isInteger(value) ? String(value) : '');
  return {
    scales: { x: { time: false }, ...(range && { y: { range } }) },
    axes: [
      { ...axis, values: (/** @type {uPlot} */ _plot, /** @type {number[]} */ ticks) => ticks.map(whole), incrs: [1, 2, 5, 10, 20, 50, 100] },
      { ...axis, size: 62, values: (/** @type {uPlot} */ _plot, /** @type {number[]} */ ticks) => ticks.map((value) => (range ? `${Math.round(100 * value)} %` : shortNumber(value))) },
    ],
    cursor: { drag: { x: false, y: false } },
    // Where nobody points, the legend has the newest figures.
    hooks: { setCursor: [showNewest], ready: [showNewest], setData: [showNewest] },
    series: [
      { label: 'epoch' },
      ...lines.map(({ name, color: variable, dash }) => ({
        label: name,
        stroke: color(variable),
        width: 2,
        spanGaps: true,
        points: { size: 5 },
        ...(dash && { dash }),
        value: (/** @type {uPlot} */ _plot, /** @type {number | null} */ value) => (value === null || value === undefined ? '–' : format(value)),
      })),
    ],
  };
}

/** @param {uPlot} plot */
function showNewest(plot) {
  if (plot.cursor.idx === null || plot.cursor.idx === undefined) plot.setLegend({ idx: plot.data[0].length - 1 });
}

/** @param {number} value */
function shortNumber(value) {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}

/** @param {string} title @param {Line[]} lines @param {(value: number) => string} format @param {readonly Epoch[]} metrics */
function describe(title, lines, format, metrics) {
  const [first, last] = [metrics[0], metrics.at(-1)];
  if (first === undefined || last === undefined) return `${title}: no epoch yet`;
  const words = lines.map(({ name, value }) => {
    const [from, to] = [value(first), value(last)];
    return `${name} from ${from === null ? 'nothing' : format(from)} to ${to === null ? 'nothing' : format(to)}`;
  });
  return `${title}, epoch ${first.epoch} to ${last.epoch}: ${words.join('; ')}. The table below has every epoch.`;
}
