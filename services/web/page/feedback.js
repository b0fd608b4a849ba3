// What a recording really was: stored beside the prediction.
import { request } from './api.js';
import { el, notice } from './dom.js';
import { spoken } from './lib/format.js';

/** @import { PredictedRecording } from '../pageTypes.d.ts' */

/**
 * @param {PredictedRecording} predicted
 * @param {(changed: PredictedRecording) => void} onGiven
 */
export function createFeedback(predicted, onGiven) {
  const { answer, request_id, no_event_labels } = predicted;
  const labels = answer.labels.filter((label) => !no_event_labels.includes(label)).sort();
  const notes = el('div', { 'aria-live': 'polite' });
  const select = el(
    'select',
    { id: 'true-label' },
    el('option', { value: '' }, 'choose …'),
    ...labels.map((label) => el('option', { value: label }, spoken(label))),
  );
  const own = el('input', { type: 'text', id: 'own-label', maxlength: 200, autocomplete: 'off' });
  const correction = el(
    'div',
    { class: 'correction', hidden: true },
    el('label', { for: 'true-label' }, 'It was'),
    select,
    el('label', { for: 'own-label' }, 'or something else'),
    own,
    el('button', { type: 'button', class: 'primary', onclick: () => sendCorrection() }, 'Send'),
  );
  const wrong = el(
    'button',
    {
      type: 'button',
      'aria-expanded': 'false',
      onclick: () => {
        correction.hidden = !correction.hidden;
        wrong.setAttribute('aria-expanded', String(!correction.hidden));
        if (!correction.hidden) select.focus();
      },
    },
    'Wrong …',
  );
  const { top_label } = answer;
  const right = el('button', { type: 'button', onclick: () => give(top_label) }, 'Right');
  const none = el('button', { type: 'button', onclick: () => give(null) }, 'No bird');

  const sendCorrection = () => {
    const label = own.value.trim() || select.value;
    if (label !== '') return give(label);
    notes.replaceChildren(notice('warning', 'Choose a class, or write what it was.'));
    select.focus();
  };
  /** @param {string | null} label */
  const give = async (label) => {
    try {
      await request('v1/feedback', { method: 'POST', body: { request_id, part: 0, label } });
      notes.replaceChildren(el('p', { class: 'notice good' }, thanks(label)));
      onGiven({ ...predicted, feedback: label });
    } catch (error) {
      notes.replaceChildren(notice('bad', `Not saved: ${/** @type {Error} */ (error).message}`));
    }
  };
  if (predicted.feedback !== undefined) notes.append(el('p', { class: 'notice good' }, thanks(predicted.feedback)));
  return el(
    'section',
    { class: 'panel', 'aria-labelledby': 'feedback-title' },
    el('h3', { id: 'feedback-title' }, 'Was that right?'),
    el(
      'p',
      { class: 'soft' },
      'What you say is stored beside the prediction, in the log of the service. The newest counts.',
    ),
    el('div', { class: 'buttons' }, right, wrong, top_label === null ? null : none),
    correction,
    notes,
  );
}

/** @param {string | null} label */
function thanks(label) {
  return `Thank you: stored as ${label === null ? 'no bird' : `“${spoken(label)}”`}.`;
}
