// Health at a glance: whether it can predict, by which models and where they come from, and whether sounds have changed.
import { addressOf, request, settings } from './api.js';
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
  const answer = await fetch(addressOf('readyz'), { cache: 'no-store' }).catch(() => null);
  if (answer === null) return replace(place, el('p', { class: 'notice bad' }, 'Down: the service does not answer.'));
  const { reason } = await answer.json().catch(() => ({ reason: `status ${answer.status}` }));
  if (answer.ok) return replace(place, el('p', { class: 'notice good' }, 'Ready: recordings can be sent.'));
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
    ? 'listens along and answers nobody'
    : weight > 0
      ? `answers, weight ${weight}`
      : 'answers who asks for it';
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
      'Hears',
      `clips of ${clips.length_s} s every ${clips.hop_s} s, at ${sample_rate_hz / 1000} kHz, ${bands.min_hz} to ${bands.max_hz} Hz`,
    ],
    ['Answers', `${aggregation} over clips, temperature ${temperature.toFixed(2)}`],
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
  byId('drift', HTMLElement).hidden = false;
  const place = byId('drift-body', HTMLElement);
  const address = drift_url.replace(/\/$/, '');
  const report = el('p', {}, el('a', { href: `${address}/drift/report` }, 'The drift report'));
  try {
    const answer = await fetch(`${address}/drift/run`, { cache: 'no-store' });
    const body = await answer.json();
    if (!answer.ok) throw new Error(typeof body.detail === 'string' ? body.detail : `status ${answer.status}`);
    const { dataset_drift, n_reference, n_current } = body;
    const words = dataset_drift ? 'Drift: sounds are not what they were in training.' : 'No drift.';
    const counts = `${plural(n_current, 'recording')} compared with ${n_reference} of the training.`;
    replace(place, el('p', { class: `notice ${dataset_drift ? 'warning' : 'good'}` }, `${words} ${counts}`), report);
  } catch (error) {
    const why =
      error instanceof TypeError
        ? 'it does not answer, or does not allow this page to ask (service.cors.origins)'
        : /** @type {Error} */ (error).message;
    replace(place, el('p', { class: 'notice warning' }, `The drift service at ${address}: ${why}.`), report);
  }
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
