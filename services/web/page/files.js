// Predictions as files to take along: one recording or all of them in one table.
import { el, icon, saveFile } from './dom.js';
import { bestLabels, detectionsOf, topLabel } from './lib/detections.js';
import { toCsv, toRaven } from './lib/tables.js';

/** @import { PredictedRecording } from '../pageTypes.d.ts' */
/** @import { Choice } from './ResultView.js' */
/** @import { Failed } from './lib/tables.js' */

const kinds = /** @type {const} */ (['CSV', 'Raven', 'JSON']);

/**
 * Buttons that save what is shown now.
 *
 * @param {string} name of the files, without an ending
 * @param {() => readonly (PredictedRecording | Failed)[]} all
 * @param {() => Choice} choice
 */
export function saveButtons(name, all, choice) {
  return el(
    'div',
    { class: 'buttons' },
    ...kinds.map((kind) =>
      el('button', { type: 'button', onclick: () => save(kind, name, all(), choice()) }, icon('save'), kind),
    ),
  );
}

/** @param {(typeof kinds)[number]} kind @param {string} name @param {readonly (PredictedRecording | Failed)[]} all @param {Choice} choice */
function save(kind, name, all, choice) {
  const rows = all.map((each) => ('error' in each ? each : shownOf(each, choice)));
  const predicted = rows.flatMap((row) => ('error' in row ? [] : [row]));
  if (kind === 'CSV') saveFile(`${name}.csv`, toCsv(rows), 'text/csv');
  if (kind === 'Raven') saveFile(`${name}.selections.txt`, toRaven(predicted), 'text/tab-separated-values');
  if (kind === 'JSON') saveFile(`${name}.json`, `${JSON.stringify(toJson(rows), null, 2)}\n`, 'application/json');
}

/** @param {PredictedRecording} predicted @param {Choice} choice */
function shownOf({ answer, bands, no_event_labels, request_id }, choice) {
  const hidden = choice.hidden(answer.labels, no_event_labels);
  const best = bestLabels(answer, hidden, 1)[0];
  const top_label = topLabel(answer, hidden);
  const detections = detectionsOf(answer, { ...choice, noEventLabels: hidden });
  return { answer: { ...answer, top_label }, detections, best, bands, request_id };
}

/** @param {readonly (Failed | ReturnType<typeof shownOf>)[]} rows */
function toJson(rows) {
  const predictions = rows.map((row) => {
    if ('error' in row) return row;
    const { clips: _clips, labels: _labels, spectrogram_png: _picture, ...rest } = row.answer;
    return { request_id: row.request_id, ...rest, detections: row.detections };
  });
  return { predictions };
}
