// How a run learns, epoch by epoch.
import uPlot from '../vendor/uplot/uPlot.esm.js';
import { el } from './dom.js';

/** @import { Epoch } from '../pageTypes.d.ts' */
/** @typedef {{ name: string, color: string, dash?: number[], value: (epoch: Epoch) => number | null }} Line */

/** @typedef {{ title: string, lines: Line[], range?: [number, number], format: (value: number) => string }} Chart */

const height = 230;
const noPlot = /** @type {uPlot | null} */ (null);

/** @type {Chart[]} */
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
      {
        name: 'validation, balanced',
        color: '--c4',
        dash: [2, 3],
        value: ({ val_balanced_accuracy }) => val_balanced_accuracy,
      },
    ],
    range: [0, 1],
    format: (value) => `${(100 * value).toFixed(1)} %`,
  },
  {
    title: 'Learning rate',
    lines: [{ name: 'rate', color: '--c5', value: ({ learning_rate }) => learning_rate }],
    format: (value) => (value === 0 ? '0' : value.toExponential(1)),
  },
];

/** @param {HTMLElement} place */
export function createCurves(place) {
  /** @type {readonly Epoch[]} */
  let shown = [];
  const figures = charts.map((chart) => ({ chart, target: el('div', { class: 'plot' }), plot: noPlot }));
  place.replaceChildren(
    ...figures.map(({ chart, target }) => el('figure', {}, el('figcaption', {}, chart.title), target)),
  );

  /** @param {Chart} chart */
  const dataOf = ({ lines }) =>
    /** @type {uPlot.AlignedData} */ ([shown.map(({ epoch }) => epoch), ...lines.map(({ value }) => shown.map(value))]);

  const draw = () => {
    for (const figure of figures) {
      const { chart, target } = figure;
      figure.plot?.destroy();
      figure.plot = new uPlot({ ...optionsOf(chart), width: target.clientWidth, height }, dataOf(chart), target);
    }
  };
  // Colours are read when it is drawn, so it is drawn again in the other scheme.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  new ResizeObserver(() => {
    for (const { plot, target } of figures) {
      const width = target.clientWidth;
      if (plot !== null && width > 0 && width !== plot.width) plot.setSize({ width, height });
    }
  }).observe(place);

  return {
    /** @param {readonly Epoch[]} metrics */
    show(metrics) {
      const isSame = metrics.length === shown.length && figures[0]?.plot !== null;
      shown = metrics;
      if (isSame) return;
      for (const { chart, target, plot } of figures) {
        target.setAttribute('role', 'img');
        target.setAttribute('aria-label', describe(chart, metrics));
        plot?.setData(dataOf(chart));
      }
      if (figures[0]?.plot === null) draw();
    },
  };
}

/** @param {Chart} chart */
function optionsOf({ lines, range, format }) {
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
      {
        ...axis,
        values: (/** @type {uPlot} */ _plot, /** @type {number[]} */ ticks) => ticks.map(whole),
        incrs: [1, 2, 5, 10, 20, 50, 100],
      },
      {
        ...axis,
        size: 62,
        values: (/** @type {uPlot} */ _plot, /** @type {number[]} */ ticks) =>
          ticks.map((value) => (range ? `${Math.round(100 * value)} %` : shortNumber(value))),
      },
    ],
    cursor: { drag: { x: false, y: false } },
    // While the pointer is elsewhere, the legend has the newest figures.
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
        value: (/** @type {uPlot} */ _plot, /** @type {number | null} */ value) =>
          value === null || value === undefined ? '–' : format(value),
      })),
    ],
  };
}

/** @param {uPlot} plot */
function showNewest(plot) {
  const isPointedAt = plot.cursor.idx !== null && plot.cursor.idx !== undefined;
  if (!isPointedAt && plot.data[0].length > 0) plot.setLegend({ idx: plot.data[0].length - 1 });
}

/** @param {number} value */
function shortNumber(value) {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}

/** @param {Chart} chart @param {readonly Epoch[]} metrics */
function describe({ title, lines, format }, metrics) {
  const [first, last] = [metrics[0], metrics.at(-1)];
  if (first === undefined || last === undefined) return `${title}: no epoch yet`;
  const words = lines.map(({ name, value }) => {
    const [from, to] = [value(first), value(last)];
    return `${name} from ${from === null ? 'nothing' : format(from)} to ${to === null ? 'nothing' : format(to)}`;
  });
  return `${title}, epoch ${first.epoch} to ${last.epoch}: ${words.join('; ')}. The table below has every epoch.`;
}
