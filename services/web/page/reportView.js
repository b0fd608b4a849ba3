// The evaluation of a run: figures, classes, and which of them are taken for which.
import { createConfusion } from './confusion.js';
import { el } from './dom.js';
import { percent, spoken } from './lib/format.js';

/** @import { ClassFigures, Report } from '../pageTypes.d.ts' */

/** @param {Report} report @returns {HTMLElement[]} */
export function reportView(report) {
  const { recordings, calibration, largest_class_share, side, unknown_labels } = report;
  /** @type {(readonly [string, string])[]} */
  const tiles = [
    [`of ${recordings.items} ${side} recordings right`, percent(recordings.accuracy)],
    ['balanced over classes', percent(recordings.balanced_accuracy)],
    ['macro F1', recordings.macro_f1.toFixed(2)],
    ['among the first three', percent(recordings.top3)],
    ['always the largest class', percent(largest_class_share)],
    ['calibration error', percent(calibration.after.expected_calibration_error)],
  ];
  const without = recordings.without_prediction;
  const unpredicted =
    without === 0
      ? null
      : el(
          'p',
          { class: 'notice warning' },
          `No prediction for ${without} of ${recordings.items} recordings: they count as wrong.`,
        );
  const unknown =
    unknown_labels.length === 0
      ? null
      : el('p', { class: 'notice warning' }, `Not learned, so always wrong: ${unknown_labels.map(spoken).join(', ')}.`);
  return [
    section(
      'Evaluation',
      el(
        'dl',
        { class: 'tiles' },
        ...tiles.map(([term, value]) => el('div', { class: 'tile' }, el('dt', {}, term), el('dd', {}, value))),
      ),
      unknown,
      unpredicted,
    ),
    section('Which are taken for which', createConfusion(recordings.confusion)),
    section('Classes', classTable(recordings.per_class)),
  ];
}

/** @param {string} title @param {...(Node | null)} children */
function section(title, ...children) {
  const id = title.toLowerCase().replaceAll(' ', '-');
  return el('section', { 'aria-labelledby': id }, el('h2', { id }, title), ...children);
}

/** Sorted as the reader chooses; the classes with most to judge first. @param {readonly ClassFigures[]} figures */
function classTable(figures) {
  /** @type {{ title: string, key: keyof ClassFigures, bar?: boolean }[]} */
  const columns = [
    { title: 'Class', key: 'label' },
    { title: 'Judged', key: 'support' },
    { title: 'Recall', key: 'recall', bar: true },
    { title: 'Precision', key: 'precision', bar: true },
    { title: 'F1', key: 'f1', bar: true },
  ];
  const body = el('tbody');
  /** @type {keyof ClassFigures} */
  let sortedBy = 'support';
  let direction = -1;
  const draw = () => {
    const sorted = figures.toSorted((a, b) => {
      const [x, y] = [a[sortedBy] ?? -1, b[sortedBy] ?? -1];
      return (x < y ? -direction : x > y ? direction : 0) || (a.label < b.label ? -1 : 1);
    });
    body.replaceChildren(
      ...sorted.map((each) =>
        el(
          'tr',
          {},
          ...columns.map(({ key, bar }) =>
            key === 'label'
              ? el('th', { scope: 'row' }, spoken(each.label))
              : el(
                  'td',
                  { class: 'number' },
                  bar ? share(/** @type {number | null} */ (each[key])) : String(each[key]),
                ),
          ),
        ),
      ),
    );
    for (const { key, head } of heads) {
      if (key === sortedBy) head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    }
  };
  const heads = columns.map(({ title, key }) => {
    const onclick = () => {
      direction = key === sortedBy ? -direction : key === 'label' ? 1 : -1;
      sortedBy = key;
      draw();
    };
    const head = el(
      'th',
      { scope: 'col', class: key === 'label' ? '' : 'number' },
      el('button', { type: 'button', class: 'sort', onclick }, title),
    );
    return { key, head };
  });
  draw();
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures of each class' },
    el('table', { class: 'classes' }, el('thead', {}, el('tr', {}, ...heads.map(({ head }) => head))), body),
  );
}

/** @param {number | null} value */
function share(value) {
  const fill = el('span', { class: 'fill color-1' });
  fill.style.width = `${100 * (value ?? 0)}%`;
  return el('span', { class: 'share' }, el('span', { class: 'bar', 'aria-hidden': 'true' }, fill), percent(value));
}
