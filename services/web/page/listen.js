// The page that listens: recordings come in, are sent one after another, and what is heard is shown.
import { request, settings } from './api.js';
import { announce, byId, el, notice } from './dom.js';
import { historyNote, remember } from './historyStore.js';
import { clock, percent, plural, size, spoken } from './lib/format.js';
import { offerLive } from './live.js';
import { ResultView } from './ResultView.js';
import { offerRecording } from './record.js';
import { startPage } from './startPage.js';
import { upload } from './upload.js';

/** @import { Answer, Heard, LoadedModel, Settings } from '../pageTypes.d.ts' */

/**
 * @typedef {object} Item
 * @property {File} file
 * @property {'waiting' | 'sending' | 'hearing' | 'done' | 'failed'} state
 * @property {number} share of the state's work
 * @property {Heard | null} heard
 * @property {string} error
 * @property {AbortController} stop
 * @property {HTMLElement} row
 */

startPage();

const [queueSection, queueList] = [byId('queue-section', HTMLElement), byId('queue', HTMLElement)];
const [resultPlace, problemPlace] = [byId('result', HTMLElement), byId('problem', HTMLElement)];
const [minScore, topK] = [byId('min-score', HTMLInputElement), byId('top-k', HTMLInputElement)];
const model = byId('model', HTMLSelectElement);
const dropZone = byId('drop', HTMLElement);

/** @type {Item[]} */
const items = [];
/** @type {Item | null} */
let shown = null;
/** @type {ResultView | null} */
let view = null;
let isBusy = false;
/** @type {Settings | null} */
let limits = null;

const choice = () => ({
  minScore: Number(minScore.value),
  topK: Math.max(1, Math.min(20, Math.round(Number(topK.value)) || 1)),
});

for (const input of [minScore, topK]) {
  input.addEventListener('input', () => {
    byId('min-score-shown', HTMLOutputElement).textContent = percent(Number(minScore.value));
    view?.show(choice());
  });
}
byId('choices', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());

const files = byId('files', HTMLInputElement);
files.addEventListener('change', () => {
  add([...(files.files ?? [])]);
  files.value = '';
});
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  dropZone.classList.add('over');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) dropZone.classList.remove('over');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  dropZone.classList.remove('over');
  add([...(event.dataTransfer?.files ?? [])]);
});

settings()
  .then((found) => {
    limits = found;
    byId('limits', HTMLElement).textContent =
      `Up to ${size(found.max_file_bytes)} and ${plural(Math.round(found.max_duration_s / 60), 'minute')} each.`;
    byId('kept', HTMLElement).textContent = whatIsKept(found);
    offerLive({ choice, model: () => model.value, onProblem: complain });
    offerRecording(found, { onFile: (file) => add([file]), onProblem: complain });
  })
  .catch((error) => complain(error.message));
offerModels().catch(() => {
  // Without the list the service chooses, as it does for everybody who names no model.
});

/** @param {Settings} settings */
function whatIsKept({ keeps_log, keeps_audio }) {
  if (!keeps_log) return 'It is sent to this service, and nowhere else. Nothing of it is kept.';
  const written = 'It is sent to this service, and nowhere else. Its name and what was heard in it are written down';
  return keeps_audio
    ? `${written}, and the recording itself is kept too.`
    : `${written}; the recording itself is not kept.`;
}

/** @param {string} text */
function complain(text) {
  problemPlace.replaceChildren(...(text === '' ? [] : [notice('bad', text)]));
}

async function offerModels() {
  const { models } = await request('v1/models');
  const loaded = models.filter((/** @type {LoadedModel} */ { version }) => version !== null);
  if (loaded.length < 2) return;
  model.append(...loaded.map((/** @type {LoadedModel} */ { name }) => el('option', { value: name }, name)));
  byId('model-choice', HTMLElement).hidden = false;
}

/** @param {File[]} given */
function add(given) {
  if (given.length === 0) return;
  complain('');
  for (const file of given) {
    const row = el('li');
    /** @type {Item} */
    const item = { file, state: 'waiting', share: 0, heard: null, error: '', stop: new AbortController(), row };
    if (limits !== null && file.size > limits.max_file_bytes) {
      item.state = 'failed';
      item.error = `It is ${size(file.size)} large; this service takes ${size(limits.max_file_bytes)}.`;
    }
    items.push(item);
    queueList.append(row);
    draw(item);
  }
  queueSection.hidden = false;
  byId('about', HTMLElement).hidden = true;
  announce(`${plural(given.length, 'recording')} added`);
  void work();
}

async function work() {
  if (isBusy) return;
  isBusy = true;
  for (let item = nextItem(); item !== undefined; item = nextItem()) await hear(item);
  isBusy = false;
}

const nextItem = () => items.find(({ state }) => state === 'waiting');

/** @param {Item} item */
async function hear(item) {
  const { file, stop } = item;
  try {
    change(item, 'sending', 0);
    const { request_id, answer } = await upload(file, {
      signal: stop.signal,
      model: model.value,
      onProgress: (stage, share) => change(item, stage, share),
    });
    const about = await modelOf(answer);
    item.heard = {
      request_id,
      time_ms: Date.now(),
      answer,
      no_event_labels: about.no_event_labels,
      bands: about.bands,
    };
    change(item, 'done', 1);
    announce(`${file.name}: ${wordsFor(item)}`);
    await keep(item.heard);
    if (shown === null || shown.state !== 'done') show(item);
  } catch (error) {
    if (stop.signal.aborted) return;
    item.error = /** @type {Error} */ (error).message;
    change(item, 'failed', 0);
    announce(`${file.name}: ${item.error}`);
  }
}

/** @type {Map<string, Promise<LoadedModel>>} */
const models = new Map();

/** What the model of an answer knows; another version of it is asked for anew. @param {Answer} answer */
function modelOf({ model: name, model_version }) {
  const key = `${name} ${model_version}`;
  const known = models.get(key) ?? request(`v1/models/${encodeURIComponent(name)}`);
  models.set(key, known);
  known.catch(() => models.delete(key));
  return known;
}

/** @param {Heard} heard */
async function keep(heard) {
  const problem = await remember(heard);
  byId('history-note', HTMLElement).textContent = problem ?? historyNote;
}

/** @param {Item} item @param {Item['state']} state @param {number} share */
function change(item, state, share) {
  const isSame = item.state === state;
  item.state = state;
  item.share = share;
  if (!isSame) return draw(item);
  // Elements stay, so that whoever reads or has the focus there is not disturbed many times a second.
  const [words, bar] = [item.row.querySelector('.state'), item.row.querySelector('progress')];
  if (words !== null) words.textContent = wordsFor(item);
  if (bar !== null) bar.value = share;
}

/** @param {Item} item */
function wordsFor({ state, share, heard, error }) {
  if (state === 'waiting') return 'waiting';
  if (state === 'sending') return `sending, ${percent(share)}`;
  if (state === 'hearing') return share > 0 ? `listening, ${percent(share)}` : 'listening';
  if (heard === null) return error;
  const { top_label, scores } = heard.answer;
  return top_label === null ? 'no bird' : `${spoken(top_label)}, ${percent(scores[top_label])}`;
}

/** @param {Item} item */
function draw(item) {
  const { file, state, share, heard, row } = item;
  const isWorking = state === 'sending' || state === 'hearing';
  const words = el('span', { class: state === 'failed' ? 'state bad' : 'state' }, wordsFor(item));
  const name = el('span', { class: 'file' }, file.name);
  const length = heard === null ? size(file.size) : clock(heard.answer.duration_s);
  const about = [name, el('span', { class: 'soft' }, length), words];
  const bar = el('progress', { max: 1, 'aria-label': `${file.name}: ${state}` });
  if (state === 'sending' || share > 0) bar.value = share;
  // A row that has the focus keeps it when it changes.
  const hadFocus = row.contains(document.activeElement);
  row.replaceChildren(
    state === 'done'
      ? el(
          'button',
          { type: 'button', class: 'entry', 'aria-current': String(item === shown), onclick: () => show(item, true) },
          ...about,
        )
      : el('div', { class: 'entry' }, ...about),
    ...(state === 'failed' ? [el('button', { type: 'button', onclick: () => again(item) }, 'Try again')] : []),
    ...(state === 'done'
      ? []
      : [
          el(
            'button',
            { type: 'button', 'aria-label': `Remove ${file.name}`, onclick: () => remove(item) },
            state === 'failed' ? 'Remove' : 'Cancel',
          ),
        ]),
    ...(isWorking ? [bar] : []),
  );
  if (hadFocus) row.querySelector('button')?.focus();
}

/** @param {Item} item */
function again(item) {
  item.error = '';
  change(item, 'waiting', 0);
  void work();
}

/** @param {Item} item */
function remove(item) {
  item.stop.abort();
  items.splice(items.indexOf(item), 1);
  item.row.remove();
  queueSection.hidden = items.length === 0;
  announce(`${item.file.name} removed`);
}

/** @param {Item} item @param {boolean} [isAsked] by the reader, who is then taken there */
function show(item, isAsked = false) {
  if (item.heard === null) return;
  const before = shown;
  shown = item;
  view?.close();
  view = new ResultView(item.heard, item.file, choice(), (changed) => {
    item.heard = changed;
    void keep(changed);
  });
  resultPlace.replaceChildren(view.root);
  for (const each of [before, item]) if (each !== null) draw(each);
  if (isAsked) view.focus();
}
