// A recording on its way to the service: bytes sent, seconds heard, then the answer.
import { addressOf, authorization, RequestError, sentenceOf } from './api.js';
import { askForKey } from './key.js';

/** @import { Answer } from '../pageTypes.d.ts' */
/**
 * @typedef {object} UploadOptions
 * @property {AbortSignal} signal
 * @property {string} model empty where the service shall choose
 * @property {(stage: 'sending' | 'hearing', share: number) => void} onProgress
 */

/**
 * @param {File} file
 * @param {UploadOptions} options
 * @returns {Promise<{ request_id: string, answer: Answer }>}
 * @throws {RequestError} with a sentence for the reader; `signal.reason` where it was given up
 */
export async function upload(file, options) {
  for (;;) {
    try {
      return await send(file, options);
    } catch (error) {
      if (error instanceof RequestError && error.status === 401 && (await askForKey())) continue;
      throw error;
    }
  }
}

/**
 * `fetch` does not say how much was sent.
 *
 * @param {File} file
 * @param {UploadOptions} options
 * @returns {Promise<{ request_id: string, answer: Answer }>}
 */
function send(file, { signal, model, onProgress }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    // The scores of every clip: which of them are detections is the page's choice.
    const named = model === '' ? '' : `&model=${encodeURIComponent(model)}`;
    xhr.open('POST', addressOf(`v1/predictions?clips=true&spectrogram=true${named}`));
    xhr.setRequestHeader('accept', 'text/event-stream');
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => onProgress('sending', total === 0 ? 0 : loaded / total);
    xhr.upload.onload = () => onProgress('hearing', 0);
    /** @type {Answer | undefined} */
    let answer;
    let read = 0;
    const readEvents = () => {
      if (xhr.status !== 200) return;
      for (let end = xhr.responseText.indexOf('\n\n', read); end !== -1; end = xhr.responseText.indexOf('\n\n', read)) {
        const { name, data } = eventOf(xhr.responseText.slice(read, end));
        read = end + 2;
        if (name === 'progress' && data.total_s > 0) onProgress('hearing', Math.min(1, data.done_s / data.total_s));
        if (name === 'prediction') answer = data;
        if (name === 'error') reject(new RequestError(sentenceOf(422, JSON.stringify(data)), 422));
      }
    };
    xhr.onprogress = readEvents;
    xhr.onload = () => {
      readEvents();
      const request_id = xhr.getResponseHeader('x-request-id') ?? '';
      if (answer !== undefined) resolve({ request_id, answer });
      else if (xhr.status === 200) reject(new RequestError('The answer was cut short: try again.', 0));
      else reject(new RequestError(sentenceOf(xhr.status, xhr.responseText), xhr.status));
    };
    xhr.onerror = () =>
      reject(
        new RequestError('The connection broke. Is the service running, and the recording not too large for it?', 0),
      );
    signal.addEventListener('abort', () => {
      xhr.abort();
      reject(signal.reason);
    });
    const form = new FormData();
    form.append('audio', file, file.name);
    xhr.send(form);
  });
}

/** @param {string} text an event of a `text/event-stream` */
function eventOf(text) {
  const [first = '', ...rest] = text.split('\n');
  const data = rest.map((line) => line.replace(/^data: ?/, '')).join('\n');
  return { name: first.replace(/^event: ?/, ''), data: JSON.parse(data) };
}
