// The confusion matrix: a picture for any number of classes, a reader with keys and pointer, and the worst mistakes in words.
import { el } from './dom.js';
import { percent, spoken } from './lib/format.js';

/** @import { Confusion } from '../pageTypes.d.ts' */

/** The column of recordings for which no label could be predicted, as in confusion.csv. */
const noPrediction = 'no prediction';

/** Viridis at even steps, as the reports have it: equal steps look equal, to colour-blind eyes too. */
const stops = ['#46085c', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'].map((hex) =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
);

/** More classes make a canvas larger than browsers draw. */
const mostDrawn = 100;

/** @param {Confusion} confusion */
export function createConfusion(confusion) {
  const { labels, columns, withoutColumn, counts } = drawnPart(confusion);
  const sums = counts.map((row) => row.reduce((a, b) => a + b, 0));
  const many = Math.max(columns.length, labels.length);
  // A hundred classes fit the page and can still be told apart.
  const cell = many <= 12 ? 40 : many <= 25 ? 30 : many <= 50 ? 18 : 9;
  const room = 150;
  const [width, height] = [room + columns.length * cell, room + labels.length * cell];
  const canvas = el('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'matrix',
    'aria-label': `Confusion matrix of ${labels.length} classes: arrow keys go from cell to cell`,
  });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const readout = el(
    'p',
    { class: 'readout', 'aria-live': 'polite' },
    'Point at a cell, or move there with the arrow keys.',
  );
  let [row, column] = [-1, -1];

  const draw = () => {
    const ratio = devicePixelRatio;
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const [ink, empty] = ['--ink', '--panel'].map((name) => style.getPropertyValue(name).trim());
    pen.textBaseline = 'middle';
    counts.forEach((values, r) => {
      columns.forEach((_name, c) => {
        const value = values[c] ?? 0;
        const share = value / (sums[r] || 1);
        pen.fillStyle = value === 0 ? String(empty) : colorOf(share);
        pen.fillRect(room + c * cell, room + r * cell, cell - 1, cell - 1);
        if (value === 0 || cell < 18) return;
        pen.fillStyle = share > 0.55 ? '#111111' : '#ffffff';
        pen.font = `${Math.min(13, cell * 0.55)}px system-ui, sans-serif`;
        pen.textAlign = 'center';
        pen.fillText(String(value), room + (c + 0.5) * cell, room + (r + 0.5) * cell);
      });
    });
    pen.font = `${Math.min(12, cell + 1)}px system-ui, sans-serif`;
    pen.fillStyle = String(ink);
    labels.forEach((label, r) => {
      pen.textAlign = 'right';
      pen.fillText(spoken(label), room - 6, room + (r + 0.5) * cell, room - 10);
    });
    columns.forEach((label, c) => {
      pen.save();
      pen.translate(room + (c + 0.5) * cell, room - 6);
      pen.rotate(-Math.PI / 2);
      pen.textAlign = 'left';
      pen.fillText(spoken(label), 0, 0, room - 10);
      pen.restore();
    });
    if (row < 0) return;
    pen.strokeStyle = String(ink);
    pen.lineWidth = 2;
    pen.strokeRect(room + column * cell - 1, room + row * cell - 1, cell + 1, cell + 1);
  };

  /** @param {number} r @param {number} c */
  const moveTo = (r, c) => {
    [row, column] = [Math.max(0, Math.min(labels.length - 1, r)), Math.max(0, Math.min(columns.length - 1, c))];
    const value = counts[row]?.[column] ?? 0;
    const [is, called] = [labels[row] ?? '', columns[column] ?? ''];
    const verb =
      row === column
        ? 'rightly called so'
        : column === withoutColumn
          ? `with ${noPrediction}`
          : `called ${spoken(called)}`;
    readout.textContent = `${spoken(is)}: ${value} of ${sums[row]} ${verb} (${percent(value / (sums[row] || 1))})`;
    draw();
  };
  canvas.addEventListener('mousemove', ({ offsetX, offsetY }) => {
    const [r, c] = [Math.floor((offsetY - room) / cell), Math.floor((offsetX - room) / cell)];
    if (r >= 0 && c >= 0 && r < labels.length && c < columns.length && (r !== row || c !== column)) moveTo(r, c);
  });
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveTo(row < 0 ? 0 : row + /** @type {number} */ (step[0]), row < 0 ? 0 : column + /** @type {number} */ (step[1]));
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  draw();
  return el(
    'div',
    { class: 'confusion' },
    el(
      'p',
      { class: 'soft' },
      `Rows are what recordings are, columns what they were called; the brighter, the larger the share of the row.${labels.length < confusion.labels.length ? ` The ${labels.length} of ${confusion.labels.length} classes that are confused most.` : ''}`,
    ),
    el('div', { class: 'matrix' }, canvas),
    readout,
    worstMistakes(confusion),
  );
}

/**
 * The matrix of all classes, of many those with most mistakes.
 *
 * @param {Confusion} confusion
 */
function drawnPart({ labels, cells }) {
  const mistakes = labels.map(() => 0);
  for (const [truth, called, count] of cells) {
    if (truth === called) continue;
    for (const place of [truth, called]) if (place !== null) mistakes[place] = (mistakes[place] ?? 0) + count;
  }
  const places = labels
    .map((_label, place) => place)
    .sort((a, b) => (mistakes[b] ?? 0) - (mistakes[a] ?? 0))
    .slice(0, mostDrawn)
    .sort((a, b) => a - b);
  const rowOf = new Map(places.map((place, row) => [place, row]));
  const shown = cells.filter(([truth]) => rowOf.has(truth));
  const names = places.map((place) => labels[place] ?? '');
  const others = shown.some(([, called]) => called !== null && !rowOf.has(called));
  const without = shown.some(([, called]) => called === null);
  const columns = [...names, ...(others ? ['another class'] : []), ...(without ? [noPrediction] : [])];
  const counts = names.map(() => columns.map(() => 0));
  for (const [truth, called, count] of shown) {
    const row = counts[rowOf.get(truth) ?? 0] ?? [];
    const column = called === null ? columns.length - 1 : (rowOf.get(called) ?? names.length);
    row[column] = (row[column] ?? 0) + count;
  }
  return { labels: names, columns, withoutColumn: without ? columns.length - 1 : -1, counts };
}

/** @param {Confusion} confusion */
function worstMistakes({ labels, cells }) {
  /** @type {Map<number, number>} */
  const sums = new Map();
  for (const [truth, , count] of cells) sums.set(truth, (sums.get(truth) ?? 0) + count);
  const mistakes = cells
    .filter(([truth, called]) => truth !== called)
    .map(([truth, called, count]) => ({
      is: labels[truth] ?? '',
      what: called === null ? `had ${noPrediction}` : `was called ${spoken(labels[called] ?? '')}`,
      count,
      of: sums.get(truth) ?? 0,
    }))
    .sort((a, b) => b.count - a.count || b.count / b.of - a.count / a.of)
    .slice(0, 10);
  if (mistakes.length === 0) return el('p', {}, 'No mistake at all.');
  return el(
    'div',
    {},
    el('h3', {}, 'The most frequent mistakes'),
    el(
      'ol',
      { class: 'mistakes' },
      ...mistakes.map(({ is, what, count, of }) =>
        el('li', {}, el('b', {}, spoken(is)), ` ${what}: ${count} of ${of}`),
      ),
    ),
  );
}

/** @param {number} share */
function colorOf(share) {
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  const mix = stops[below]?.map((value, i) =>
    Math.round(value + (at - below) * ((stops[below + 1]?.[i] ?? 0) - value)),
  );
  return `rgb(${mix?.join(' ')})`;
}
