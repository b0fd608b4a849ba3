// The start page: recordings come in, are sent, and what was predicted is shown.
import { request, settings } from './api.js';
import { announce, byId, el, notice } from './dom.js';
import { everyFew } from './everyFew.js';
import { saveButtons } from './files.js';
import { filesOf, isHidden } from './folders.js';
import { historyNote, remember } from './historyStore.js';
import { topLabel } from './lib/detections.js';
import { percent, plural, size, spoken } from './lib/format.js';
import { offerLive } from './live.js';
import { RecordingList } from './RecordingList.js';
import { ResultView } from './ResultView.js';
import { offerRecording } from './record.js';
import { offerSpeciesList } from './speciesList.js';
import { startPage } from './startPage.js';

/** @import { PredictedRecording, LoadedModel, Settings } from '../pageTypes.d.ts' */
/** @import { Item } from './RecordingList.js' */
/** @import { Predicted } from './send.js' */

startPage();

const queueSection = byId('queue-section', HTMLElement);
const [resultPlace, problemPlace] = [byId('result', HTMLElement), byId('problem', HTMLElement)];
const [minScore, topK] = [byId('min-score', HTMLInputElement), byId('top-k', HTMLInputElement)];
const model = byId('model', HTMLSelectElement);
const dropZone = byId('drop', HTMLElement);

/** @type {ResultView | null} */
let view = null;
/** @type {Settings | null} */
let known = null;

const speciesList = offerSpeciesList(() => {
  recordings.redraw();
  view?.show(choice());
});

const choice = () => ({
  minScore: Number(minScore.value),
  topK: Math.max(1, Math.min(20, Math.round(Number(topK.value)) || 1)),
  hidden: speciesList.hidden,
});

const recordings = new RecordingList({
  list: byId('queue', HTMLElement),
  settings: () => known,
  model: () => model.value,
  place: () => byId('place', HTMLInputElement).value.trim(),
  complete,
  topLabel: ({ answer, no_event_labels }) => topLabel(answer, speciesList.hidden(answer.labels, no_event_labels)),
  onShow: show,
  onChange: showCounts,
});

for (const input of [minScore, topK]) {
  input.addEventListener('input', () => {
    byId('min-score-shown', HTMLOutputElement).textContent = percent(Number(minScore.value));
    view?.show(choice());
  });
}
byId('choices', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
byId('all-files', HTMLElement).append(
  saveButtons(
    'recordings',
    () => recordings.results(),
    () => choice(),
  ),
);

for (const id of ['files', 'folder']) {
  const input = byId(id, HTMLInputElement);
  input.addEventListener('change', () => {
    const given = [...(input.files ?? [])];
    add(id === 'folder' ? given.filter(({ name }) => !isHidden(name)) : given);
    input.value = '';
  });
}
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  dropZone.classList.add('over');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) dropZone.classList.remove('over');
});
document.addEventListener('drop', async (event) => {
  event.preventDefault();
  dropZone.classList.remove('over');
  if (event.dataTransfer !== null) add(await filesOf(event.dataTransfer));
});

settings()
  .then((found) => {
    known = found;
    byId('limits', HTMLElement).textContent = limitsOf(found);
    byId('kept', HTMLElement).textContent = whatIsStored(found);
    offerLive({ choice, model: () => model.value, onProblem: complain });
    offerRecording(found, { onFile: (file) => add([file]), onProblem: complain });
    if (found.jobs !== null) void recordings.resume();
  })
  .catch((error) => complain(error.message));
void everyFew(5, offerModels);

/** @param {Settings} settings */
function limitsOf({ max_file_bytes, max_duration_s, jobs }) {
  const within = `${size(max_file_bytes)} and ${plural(Math.round(max_duration_s / 60), 'minute')}`;
  if (jobs === null) return `Up to ${within} each.`;
  const hours = plural(Math.round(jobs.max_duration_s / 3600), 'hour');
  return `What is larger or longer than ${within} becomes a job of up to ${size(jobs.max_file_bytes)} and ${hours}, which goes on when this page is closed.`;
}

/** @param {Settings} settings */
function whatIsStored({ keeps_log, keeps_audio }) {
  if (!keeps_log) return 'It is sent to this service, and nowhere else. Nothing of it is stored.';
  const written = 'It is sent to this service, and nowhere else. Its name and what was predicted are written down';
  return keeps_audio
    ? `${written}, and the recording itself is stored too.`
    : `${written}; the recording itself is not stored.`;
}

/** @param {string} text */
function complain(text) {
  problemPlace.replaceChildren(...(text === '' ? [] : [notice('bad', text)]));
}

/** Shows which models there are; true once there is one, for the service may still be waiting for its first. */
async function offerModels() {
  const place = byId('no-model', HTMLElement);
  try {
    const { models } = await request('v1/models');
    const loaded = models.filter((/** @type {LoadedModel} */ { version }) => version !== null);
    if (loaded.length === 0) {
      const text =
        'This service has no model yet, so nothing can be predicted. Its operator trains one (autobird train) or starts ' +
        'the service with one (autobird serve inference RUN); the page notices it by itself.';
      if (!place.hasChildNodes()) place.replaceChildren(notice('warning', text));
      return false;
    }
    place.replaceChildren();
    if (loaded.length > 1) {
      model.append(...loaded.map((/** @type {LoadedModel} */ { name }) => el('option', { value: name }, name)));
      model.addEventListener('change', () => void showLabels(model.value || loaded[0].name));
      byId('model-choice', HTMLElement).hidden = false;
    }
    await showLabels(loaded[0].name);
    return true;
  } catch {
    // Without the list the service chooses, as it does for everybody who names no model.
    return true;
  }
}

/** @param {string} name of a model whose classes are to be seen */
async function showLabels(name) {
  const { labels, no_event_labels } = await modelNamed(name);
  const species = labels.filter((label) => !no_event_labels.includes(label)).sort();
  speciesList.setLabels(species);
  byId('knows', HTMLElement).textContent = `${plural(species.length, 'class', 'classes')}, and no others. `;
  byId('classes', HTMLElement).replaceChildren(...species.map((label) => el('li', {}, spoken(label))));
  byId('classes-all', HTMLElement).hidden = false;
}

/** @param {readonly File[]} files */
function add(files) {
  complain(files.length === 0 ? 'There is no recording in it.' : '');
  recordings.add(files);
}

function showCounts() {
  const { all, done, failed } = recordings.counts();
  queueSection.hidden = all === 0;
  byId('about', HTMLElement).hidden = all > 0;
  byId('all-files', HTMLElement).hidden = done + failed < 2;
  const bad = failed > 0 ? `, ${failed} failed` : '';
  byId('counts', HTMLElement).textContent = all < 2 ? '' : `${done} of ${all} recordings done${bad}`;
}

/** Adds what the page has to know of the model to show a prediction. @param {Predicted} predicted @returns {Promise<PredictedRecording>} */
async function complete({ request_id, answer }) {
  const { no_event_labels, bands } = await modelNamed(answer.model, answer.model_version);
  const predicted = { request_id, time_ms: Date.now(), answer, no_event_labels, bands };
  await keep(predicted);
  return predicted;
}

/** @type {Map<string, Promise<LoadedModel>>} */
const models = new Map();

/**
 * Another version of a model is requested anew.
 *
 * @param {string} name
 * @param {string} [version]
 * @returns {Promise<LoadedModel>}
 */
function modelNamed(name, version = '') {
  const key = `${name} ${version}`;
  const found = models.get(key) ?? request(`v1/models/${encodeURIComponent(name)}`);
  models.set(key, found);
  found.catch(() => models.delete(key));
  return found;
}

/** @param {PredictedRecording} predicted */
async function keep(predicted) {
  const problem = await remember(predicted);
  byId('history-note', HTMLElement).textContent = problem ?? historyNote;
}

/** @param {Item} item @param {boolean} isChosen by the reader, who is then taken there */
function show({ predicted, file, name }, isChosen) {
  if (predicted === null) return;
  view?.close();
  view = new ResultView(predicted, file, choice(), (changed) => {
    recordings.replace(changed);
    void keep(changed);
  });
  resultPlace.replaceChildren(view.root);
  if (isChosen) view.focus();
  else announce(`${name} is shown`);
}
