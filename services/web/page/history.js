// The predictions that this browser has stored.
import { announce, byId, el, notice } from './dom.js';
import { forget, forgetAll, recall, remember } from './historyStore.js';
import { dateAndTime, percent, spoken } from './lib/format.js';
import { ResultView } from './ResultView.js';
import { paint } from './spectrogram.js';
import { startPage } from './startPage.js';

/** @import { PredictedRecording } from '../pageTypes.d.ts' */

startPage();

const [list, tools, result] = [byId('list', HTMLElement), byId('tools', HTMLElement), byId('result', HTMLElement)];
const [clear, back] = [byId('clear', HTMLButtonElement), byId('back', HTMLElement)];
/** @type {ResultView | null} */
let view = null;

clear.addEventListener('click', async () => {
  if (!confirm('Delete all predictions stored in this browser? The prediction log of the service is not touched.'))
    return;
  await forgetAll();
  announce('The history is empty');
  await show();
});
window.addEventListener('hashchange', show);
await show();

/** The list, or the prediction that the address names. */
async function show() {
  view?.close();
  view = null;
  try {
    const entries = await recall();
    const wantedId = decodeURIComponent(location.hash.slice(1));
    const entry = entries.find(({ request_id }) => request_id === wantedId);
    tools.hidden = entries.length === 0;
    clear.hidden = entry !== undefined;
    back.hidden = entry === undefined;
    list.replaceChildren();
    if (entry !== undefined) return open(entry.heard);
    if (entries.length === 0) {
      list.append(el('p', {}, 'Nothing yet. ', el('a', { href: '../' }, 'Listen to a recording'), ', and it is here.'));
      return;
    }
    list.append(el('ol', { class: 'entries' }, ...entries.map((entry) => entryOf(entry.heard))));
  } catch (error) {
    list.replaceChildren(notice('bad', `This browser keeps no history: ${/** @type {Error} */ (error).message}`));
  }
}

/** @param {PredictedRecording} predicted */
function open(predicted) {
  view = new ResultView(
    predicted,
    null,
    { minScore: 0.25, topK: 3, hidden: (_labels, noEvent) => noEvent },
    (changed) => void remember(changed),
  );
  result.replaceChildren(view.root);
  view.focus();
}

/** @param {PredictedRecording} predicted */
function entryOf({ answer, request_id, feedback, time_ms }) {
  const { recording, top_label, scores, spectrogram_png } = answer;
  const picture = el('canvas', { 'aria-hidden': 'true' });
  paint(picture, spectrogram_png);
  const result = top_label === null ? 'No bird' : `${spoken(top_label)}, ${percent(scores[top_label])}`;
  const word = feedback === undefined ? null : `You said: ${feedback === null ? 'no bird' : spoken(feedback)}. `;
  return el(
    'li',
    {},
    picture,
    el(
      'div',
      { class: 'words' },
      el('a', { href: `#${encodeURIComponent(request_id)}` }, recording),
      el('p', {}, el('b', {}, result)),
      el('p', { class: 'soft small' }, word, dateAndTime(time_ms)),
    ),
    deleteButton(recording, request_id),
  );
}

/** @param {string} recording @param {string} requestId */
function deleteButton(recording, requestId) {
  const onclick = async () => {
    await forget(requestId);
    announce(`${recording} deleted from the history`);
    await show();
    byId('main', HTMLElement).focus();
  };
  return el('button', { type: 'button', 'aria-label': `Delete ${recording}`, onclick }, 'Delete');
}
