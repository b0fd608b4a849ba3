// Training runs: a list, and one of them with its curves, live while it trains, and its report when it is done.
import { addressOf, fetchWithKey, RequestError, request } from './api.js';
import { createCurves } from './curves.js';
import { byId, el, notice, saveFile } from './dom.js';
import { everyFew } from './everyFew.js';
import { currentKey } from './key.js';
import { dateAndTime, percent } from './lib/format.js';
import { reportView } from './reportView.js';
import { startPage } from './startPage.js';

/** @import { Epoch, RunSummary } from '../pageTypes.d.ts' */

const stateWords = { training: 'training now', finished: 'finished', stopped: 'stopped before its end' };

startPage();
const id = new URLSearchParams(location.search).get('run');
if (id === null) everyFew(5, showList);
else showRun(id);

async function showList() {
  const place = byId('list', HTMLElement);
  try {
    /** @type {{ total: number, runs: RunSummary[] }} */
    const { total, runs } = await request('v1/runs?limit=100');
    if (total === 0) {
      place.replaceChildren(el('p', {}, 'None yet: ', el('code', {}, 'autobird train'), ' makes one.'));
      return false;
    }
    const titles = ['Begun', 'State', 'Dataset', 'Overrides', 'Epochs', 'Validation', 'Test', 'Balanced'];
    const head = el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title)));
    const hadFocus = place.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null;
    place.replaceChildren(
      el(
        'div',
        { class: 'scroll tall', tabindex: 0, role: 'region', 'aria-label': 'Runs' },
        el('table', {}, el('thead', {}, head), el('tbody', {}, ...runs.map(listRow))),
      ),
      el('p', { class: 'soft small' }, total > runs.length ? `The newest ${runs.length} of ${total}.` : ''),
    );
    const links = [...place.querySelectorAll('a')];
    if (hadFocus) links.find((link) => link.getAttribute('href') === hadFocus)?.focus();
    return !runs.some(({ state }) => state === 'training');
  } catch (error) {
    place.replaceChildren(notice('bad', /** @type {Error} */ (error).message));
    return false;
  }
}

/** @param {RunSummary} run */
function listRow(run) {
  const { created_at, state, dataset, overrides, damaged } = run;
  return el(
    'tr',
    {},
    el(
      'th',
      { scope: 'row', class: 'number' },
      el('a', { href: `?run=${encodeURIComponent(run.id)}` }, dateAndTime(created_at)),
    ),
    el('td', {}, el('span', { class: `badge ${state}` }, stateWords[state]), damaged.length > 0 ? ' damaged' : null),
    el('td', {}, dataset ?? '–'),
    el('td', {}, el('code', {}, overrides.join(' ') || 'nothing')),
    el('td', { class: 'number' }, epochsOf(run)),
    el('td', { class: 'number' }, percent(run.val_accuracy)),
    el('td', { class: 'number' }, percent(run.test_accuracy)),
    el('td', { class: 'number' }, percent(run.test_balanced_accuracy)),
  );
}

/** @param {RunSummary} run */
const epochsOf = ({ epochs, planned_epochs }) =>
  planned_epochs === null ? `${epochs}` : `${epochs} of ${planned_epochs}`;

/** @param {string} runId */
function showRun(runId) {
  byId('run', HTMLElement).hidden = false;
  byId('title', HTMLElement).textContent = `Run ${runId.replaceAll('~', ' ')}`;
  document.title = `Run ${runId.replaceAll('~', ' ')} · autobird`;
  const curves = createCurves(byId('curves', HTMLElement));
  let hasReport = false;
  everyFew(2, async () => {
    try {
      /** @type {RunSummary & { metrics: Epoch[] }} */
      const run = await request(`v1/runs/${encodeURIComponent(runId)}`);
      showHead(run);
      curves.show(run.metrics);
      showEpochs(run.metrics);
      if (!hasReport) hasReport = await showReport(run);
      return run.state !== 'training';
    } catch (error) {
      byId('head', HTMLElement).replaceChildren(notice('bad', /** @type {Error} */ (error).message));
      return error instanceof RequestError && error.status === 404;
    }
  });
}

/** @param {RunSummary & { metrics: Epoch[] }} run */
function showHead(run) {
  const { state, dataset, overrides, created_at, damaged, metrics, planned_epochs } = run;
  const last = metrics.at(-1);
  const speed = last === undefined ? '–' : `${Math.round(last.samples_per_s)}/s`;
  const left =
    state === 'training' && last !== undefined && planned_epochs !== null
      ? minutes((planned_epochs - last.epoch) * last.duration_s)
      : null;
  /** @type {(readonly [string, string])[]} */
  const tiles = [
    ['epochs', epochsOf(run)],
    ['best in validation', percent(run.val_accuracy)],
    ['test recordings right', percent(run.test_accuracy)],
    ['clips trained', speed],
    ...(left === null ? [] : [/** @type {const} */ (['left, at most', left])]),
  ];
  byId('head', HTMLElement).replaceChildren(
    el(
      'p',
      { class: 'soft' },
      el('span', { class: `badge ${state}` }, stateWords[state]),
      ` Begun ${dateAndTime(created_at)}${dataset === null ? '' : ` on ${dataset}`}. `,
      overrides.length === 0 ? null : el('code', {}, overrides.join(' ')),
    ),
    ...damaged.map((line) => el('p', { class: 'notice warning' }, line)),
    el(
      'dl',
      { class: 'tiles' },
      ...tiles.map(([term, value]) => el('div', { class: 'tile' }, el('dt', {}, term), el('dd', {}, value))),
    ),
  );
}

/** @param {readonly Epoch[]} metrics */
function showEpochs(metrics) {
  const titles = [
    'Epoch',
    'Loss',
    'Loss, validation',
    'Right',
    'Right, validation',
    'Balanced, validation',
    'Rate',
    'Seconds',
  ];
  const fixed = (/** @type {number | null} */ value) => (value === null ? '–' : value.toFixed(3));
  const rows = metrics.map((row) =>
    el(
      'tr',
      {},
      ...[
        String(row.epoch),
        fixed(row.train_loss),
        fixed(row.val_loss),
        percent(row.train_accuracy),
        percent(row.val_accuracy),
        percent(row.val_balanced_accuracy),
        row.learning_rate.toExponential(2),
        row.duration_s.toFixed(1),
      ].map((text) => el('td', { class: 'number' }, text)),
    ),
  );
  const head = el(
    'thead',
    {},
    el('tr', {}, ...titles.map((title) => el('th', { scope: 'col', class: 'number' }, title))),
  );
  const place = byId('epoch-table', HTMLElement);
  if (place.querySelectorAll('tbody tr').length === metrics.length) return;
  place.replaceChildren(
    el(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Epochs' },
      el('table', {}, head, el('tbody', {}, ...rows)),
    ),
  );
}

/** @param {RunSummary} run @returns {Promise<boolean>} whether there is one */
async function showReport({ id: runId, test_accuracy }) {
  if (test_accuracy === null) return false;
  const path = `v1/runs/${encodeURIComponent(runId)}`;
  const report = await request(`${path}/report`);
  const page = `${path}/report.html`;
  // A link cannot carry a key.
  const whole =
    currentKey() === null
      ? el('a', { href: addressOf(page) }, 'The whole report')
      : el(
          'button',
          {
            type: 'button',
            onclick: async () => saveFile('report.html', await (await fetchWithKey(page)).text(), 'text/html'),
          },
          'Save the whole report',
        );
  byId('report', HTMLElement).replaceChildren(
    ...reportView(report),
    el('p', {}, whole, ' has its mistakes with pictures, calibration and configuration.'),
  );
  return true;
}

/** @param {number} seconds */
function minutes(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
