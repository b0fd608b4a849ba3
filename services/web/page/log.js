// The prediction log of the service: what was predicted, for whom it may concern, searched by class, place, file and date.
import { fetchWithKey, request } from './api.js';
import { byId, el, notice, saveFile } from './dom.js';
import { dateAndTime, percent, plural, spoken } from './lib/format.js';
import { startPage } from './startPage.js';

/** @import { LoggedPrediction, LoadedModel, Model } from '../pageTypes.d.ts' */

const pageRows = 100;

startPage();

const rows = byId('rows', HTMLElement);
const more = byId('more', HTMLButtonElement);
const input = (/** @type {string} */ id) => byId(id, HTMLInputElement).value.trim();
/** Counts the searches: what arrives for an earlier one is not shown. */
let searches = 0;
let shown = 0;
/** @type {string | null} where the next page goes on */
let next = null;

byId('search', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  void search();
});
more.addEventListener('click', () => void showPage());
byId('export', HTMLButtonElement).addEventListener('click', () => attempt(save));
offerLabels().catch(() => {
  // Without the list a class is written by hand.
});
await search();

async function search() {
  searches += 1;
  rows.replaceChildren();
  [shown, next] = [0, null];
  await showPage();
}

async function showPage() {
  const own = searches;
  // Twice at once would show the same rows twice.
  more.disabled = true;
  await attempt(async () => {
    const query = new URLSearchParams({ ...filter(), limit: String(pageRows), ...(next !== null && { before: next }) });
    const response = await request(`v1/log?${query}`).catch((error) => {
      if (own === searches) throw error;
    });
    if (own !== searches) return;
    /** @type {LoggedPrediction[]} */
    const found = response.predictions;
    next = response.next;
    shown += found.length;
    rows.append(...found.map(rowOf));
    // A page may be short, even empty, and not be the last one: looking for rare rows takes several.
    more.hidden = next === null;
    byId('table', HTMLElement).hidden = shown === 0;
    const older = next === null ? '' : ' so far';
    byId('count', HTMLElement).textContent =
      shown === 0 && next === null ? 'Nothing like that.' : `${plural(shown, 'prediction')}${older}`;
  });
  if (own === searches) more.disabled = false;
}

/** The parameters of the form; those that are empty are left out. */
function filter() {
  const [since, until] = [input('since'), input('until')];
  const end = new Date(`${until}T00:00`);
  // Not 24 hours: the day on which clocks change has 23 or 25.
  end.setDate(end.getDate() + 1);
  const all = {
    label: input('label'),
    place: input('place'),
    file_name: input('file-name'),
    // Days of the reader's own clock; the last one is included.
    since: since === '' ? '' : new Date(`${since}T00:00`).toISOString(),
    until: until === '' ? '' : end.toISOString(),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

/** @param {LoggedPrediction} row */
function rowOf({ time, file_name, label, score, place, error_code, shadow, true_label }) {
  const name = error_code !== null ? `failed: ${error_code}` : label === null ? 'no bird' : spoken(label);
  const said = true_label === undefined ? '' : true_label === null ? 'no bird' : spoken(true_label);
  return el(
    'tr',
    {},
    el('td', { class: 'time' }, dateAndTime(time)),
    el('td', {}, file_name),
    el('td', {}, shadow ? `${name} (shadow)` : name),
    el('td', { class: 'number' }, error_code === null && label !== null ? percent(score) : ''),
    el('td', {}, place ?? ''),
    el('td', {}, said),
  );
}

async function save() {
  const response = await fetchWithKey(`v1/log/export?${new URLSearchParams({ ...filter(), format: 'csv' })}`);
  saveFile('predictions.csv', await response.blob(), 'text/csv');
}

/** @param {() => Promise<void>} work */
async function attempt(work) {
  const place = byId('problem', HTMLElement);
  try {
    place.replaceChildren();
    await work();
  } catch (error) {
    place.replaceChildren(notice('bad', /** @type {Error} */ (error).message));
  }
}

async function offerLabels() {
  /** @type {{ models: Model[] }} */
  const { models } = await request('v1/models');
  const loaded = models.filter(({ version }) => version !== null);
  /** @type {LoadedModel[]} */
  const known = await Promise.all(loaded.map(({ name }) => request(`v1/models/${encodeURIComponent(name)}`)));
  const labels = [...new Set(known.flatMap((model) => model.labels))].sort();
  byId('labels', HTMLDataListElement).append(...labels.map((value) => el('option', { value })));
}
