// Health at a glance: whether it can predict, by which models and where they come from, and whether sounds have changed.
import { addressOf, request, sentenceOf, settings } from './api.js';
import { byId, el, notice } from './dom.js';
import { everyFew } from './everyFew.js';
import { dateAndTime, plural, spoken } from './lib/format.js';
import { startPage } from './startPage.js';

/** @import { LoadedModel, Model } from '../pageTypes.d.ts' */

startPage();
everyFew(10, async () => {
  await Promise.all([showReady(), showModels(), showDrift()]);
});

async function showReady() {
  const place = byId('ready', HTMLElement);
  const response = await fetch(addressOf('readyz'), { cache: 'no-store' }).catch(() => null);
  if (response === null) return replace(place, el('p', { class: 'notice bad' }, 'Down: the service does not respond.'));
  const { reason } = await response.json().catch(() => ({ reason: `status ${response.status}` }));
  if (response.ok) return replace(place, el('p', { class: 'notice good' }, 'Ready: recordings can be sent.'));
  return replace(place, el('p', { class: 'notice bad' }, `Not ready: ${reason}`));
}

async function showModels() {
  const place = byId('models', HTMLElement);
  try {
    /** @type {{ models: Model[] }} */
    const { models } = await request('v1/models');
    const known = await Promise.all(models.map(({ name }) => request(`v1/models/${encodeURIComponent(name)}`)));
    if (known.length === 0) return replace(place, el('p', {}, 'None is loaded.'));
    return replace(place, ...known.map(card));
  } catch (error) {
    return replace(place, notice('bad', /** @type {Error} */ (error).message));
  }
}

/** @param {LoadedModel | Model} model */
function card(model) {
  const { name, version, shadow, weight, loaded_at, error } = model;
  const part = shadow
    ? 'shadow: predicts every recording for the log only'
    : weight > 0
      ? `serves requests, weight ${weight}`
      : 'serves requests that name it';
  return el(
    'article',
    { class: 'panel model', 'aria-label': `Model ${name}` },
    el('h3', {}, name),
    el('p', { class: 'soft' }, version === null ? 'not loaded' : `${part}; loaded ${dateAndTime(loaded_at ?? '')}`),
    error === null ? null : el('p', { class: 'notice bad' }, error),
    'lineage' in model ? lineage(model) : null,
  );
}

/** @param {LoadedModel} model */
function lineage({
  version,
  lineage: from,
  labels,
  no_event_labels,
  clips,
  sample_rate_hz,
  bands,
  aggregation,
  temperature,
}) {
  const birds = labels.filter((label) => !no_event_labels.includes(label));
  const recordings = from.counts.reduce((sum, { recordings: count }) => sum + count, 0);
  const licences = from.licences.map(({ licence, recordings: count }) => `${licence} (${count})`).join(', ');
  /** @type {(readonly [string, string | Node])[]} */
  const facts = [
    ['Version', el('code', {}, version)],
    ['Trained', `${dateAndTime(from.trained_at)}, epoch ${from.epoch} was best${best(from.best_metric)}`],
    [
      'Dataset',
      el(
        'span',
        {},
        `${from.dataset.name}, split ${from.dataset.split} `,
        el('code', {}, from.dataset.id.slice(0, 12)),
      ),
    ],
    ['Recordings', recordings === 0 ? 'not written down' : String(recordings)],
    ['Licences', licences === '' ? 'not written down' : licences],
    [
      'Predicts',
      `clips of ${clips.length_s} s every ${clips.hop_s} s, at ${sample_rate_hz / 1000} kHz, ${bands.min_hz} to ${bands.max_hz} Hz`,
    ],
    ['Scores', `${aggregation} over clips, temperature ${temperature.toFixed(2)}`],
    ['Made with', `autobird ${from.autobird}, LibTorch ${from.libtorch}`],
  ];
  return el(
    'div',
    {},
    el('dl', { class: 'facts' }, ...facts.flatMap(([term, value]) => [el('dt', {}, term), el('dd', {}, value)])),
    el(
      'details',
      {},
      el('summary', {}, `Knows ${plural(birds.length, 'class').replace('classs', 'classes')}`),
      el('ul', { class: 'labels' }, ...birds.map((label) => el('li', {}, spoken(label)))),
    ),
  );
}

/** @param {number | null} metric */
function best(metric) {
  return metric === null ? '' : `, ${metric.toFixed(3)} by training.metric`;
}

async function showDrift() {
  const { drift_url } = await settings();
  if (drift_url === null) return;
  const address = drift_url.replace(/\/$/, '');
  byId('drift', HTMLElement).hidden = false;
  byId('drift-report', HTMLAnchorElement).href = `${address}/drift/report`;
  byId('drift-compare', HTMLButtonElement).onclick = () => compare(address);
  const place = byId('drift-alarm', HTMLElement);
  try {
    const { raised, since, why, columns, windows, of } = await askDrift(`${address}/v1/drift/alarm`);
    const words = raised
      ? `Drift since ${dateAndTime(since)}: ${why ?? columns.map(spoken).join(', ')}`
      : `No alarm. It is raised when ${windows} of ${of} windows have drifted.`;
    replace(place, el('p', { class: `notice ${raised ? 'warning' : 'good'}` }, words));
  } catch (error) {
    replace(place, el('p', { class: 'notice warning' }, /** @type {Error} */ (error).message));
  }
}

/** The newest predictions against the training, compared now. @param {string} address */
async function compare(address) {
  const place = byId('drift-result', HTMLElement);
  place.replaceChildren(el('p', { class: 'soft' }, 'Comparing …'));
  try {
    const { dataset_drift, n_reference, n_current } = await askDrift(`${address}/drift/run`);
    const counts = `${plural(n_current, 'recording')} against ${n_reference} of the training`;
    const words = dataset_drift ? `They differ: ${counts}.` : `They do not differ: ${counts}.`;
    place.replaceChildren(el('p', { class: `notice ${dataset_drift ? 'warning' : 'good'}` }, words));
  } catch (error) {
    place.replaceChildren(el('p', { class: 'notice warning' }, /** @type {Error} */ (error).message));
  }
}

/** JSON of the drift service, which is another origin. @param {string} url */
async function askDrift(url) {
  const response = await fetch(url, { cache: 'no-store' }).catch(() => {
    const { origin } = new URL(url);
    throw new Error(
      `The drift service at ${origin} does not respond, or does not allow requests from pages of ${location.origin}.`,
    );
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`The drift service: ${sentenceOf(response.status, text)}`);
  return JSON.parse(text);
}

/**
 * Puts in what is new; what is the same stays, with its focus and what is unfolded.
 *
 * @param {HTMLElement} place
 * @param {...Node} nodes
 */
function replace(place, ...nodes) {
  const next = el('div', {}, ...nodes);
  const plain = (/** @type {HTMLElement} */ element) => element.innerHTML.replaceAll('<details open="">', '<details>');
  if (plain(place) !== plain(next)) place.replaceChildren(...next.childNodes);
}
