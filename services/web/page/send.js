// A recording on its way to the service: bytes sent, seconds predicted, then the prediction; or the job that it became.
import { addressOf, authorization, fetchWithKey, RequestError, refused, request } from './api.js';
import { askForKey } from './key.js';

/** @import { PredictionResponse, Job } from '../pageTypes.d.ts' */
/** @typedef {'sending' | 'waiting there' | 'predicting'} Stage */
/**
 * @typedef {object} SendOptions
 * @property {AbortSignal} signal
 * @property {string} model empty where the service shall choose
 * @property {string} place where it was recorded, for the log; empty where nobody names it
 * @property {(stage: Stage, share: number) => void} onProgress
 */
/** @typedef {{ request_id: string, answer: PredictionResponse }} Predicted */

const pauseMs = 2000;

/**
 * Predicts within one request, for recordings that are not too long for it.
 *
 * @param {File} file
 * @param {SendOptions} options
 * @returns {Promise<Predicted>}
 * @throws {RequestError} with a sentence for the reader; `signal.reason` where it was given up
 */
export async function predict(file, options) {
  return await withKey(() => {
    /** @type {PredictionResponse | undefined} */
    let answer;
    /** @type {RequestError | undefined} */
    let refusal;
    return post(file, options, { accept: 'text/event-stream' }, (name, data) => {
      if (name === 'progress' && data.total_s > 0)
        options.onProgress('predicting', Math.min(1, data.done_s / data.total_s));
      if (name === 'prediction') answer = data;
      if (name === 'error') refusal = refused(422, JSON.stringify(data));
    }).then((xhr) => {
      if (xhr.status !== 200) throw refused(xhr.status, xhr.responseText);
      if (refusal !== undefined) throw refusal;
      if (answer === undefined) throw new RequestError('The prediction was cut short: try again.', 0);
      return { request_id: xhr.getResponseHeader('x-request-id') ?? '', answer };
    });
  });
}

/**
 * Hands a long recording over as a job, which goes on without this page.
 *
 * @param {File} file
 * @param {SendOptions} options
 * @returns {Promise<Job>}
 * @throws {RequestError}
 */
export async function submitJob(file, options) {
  return await withKey(async () => {
    const xhr = await post(file, options, { accept: 'application/json', prefer: 'respond-async' }, () => {});
    if (xhr.status !== 202) throw refused(xhr.status, xhr.responseText);
    return JSON.parse(xhr.responseText);
  });
}

/**
 * Waits for a job, also through a broken connection or a restart of the service.
 *
 * @param {string} id
 * @param {Pick<SendOptions, 'signal' | 'onProgress'>} options
 * @returns {Promise<Predicted>}
 * @throws {RequestError} where it failed, was cancelled, or there is no such job any more
 */
export async function followJob(id, { signal, onProgress }) {
  for (;;) {
    /** @type {Job} */
    const job = await retryWhileAway(() => request(`v1/jobs/${id}`, { signal }), signal);
    if (job.status === 'succeeded') return await retryWhileAway(() => resultOf(job, signal), signal);
    if (job.status === 'failed') throw new RequestError(job.error?.message ?? 'The job failed.', 409);
    if (job.status === 'cancelled') throw new RequestError('The job was cancelled.', 410);
    const { done_s, total_s } = job.progress;
    onProgress(job.status === 'queued' ? 'waiting there' : 'predicting', total_s > 0 ? done_s / total_s : 0);
    await pause(signal);
  }
}

/**
 * Does `work` again where the service is being restarted, or the network is away.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function retryWhileAway(work, signal) {
  for (;;) {
    try {
      const result = await work();
      signal.throwIfAborted();
      return result;
    } catch (error) {
      if (!(error instanceof RequestError) || (error.status !== 0 && error.status < 500)) throw error;
    }
    await pause(signal);
  }
}

/** @param {AbortSignal} signal */
async function pause(signal) {
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  signal.throwIfAborted();
}

/** Ends a job and deletes what the service has of it. @param {string} id */
export async function deleteJob(id) {
  await fetchWithKey(`v1/jobs/${id}`, { method: 'DELETE' });
}

/** @param {Job} job @param {AbortSignal} signal @returns {Promise<Predicted>} */
async function resultOf({ id, request_id }, signal) {
  const { predictions } = await request(`v1/jobs/${id}/result`, { signal });
  const [answer] = predictions;
  if ('error' in answer) throw new RequestError(answer.error.message, 422);
  return { request_id, answer };
}

/**
 * @template T
 * @param {() => Promise<T>} attempt
 * @returns {Promise<T>}
 */
async function withKey(attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof RequestError && error.status === 401 && (await askForKey())) continue;
      throw error;
    }
  }
}

/**
 * Posts the recording; `fetch` does not say how much was sent. Ends with the whole response, whatever its status.
 *
 * @param {File} file
 * @param {SendOptions} options
 * @param {Record<string, string>} headers
 * @param {(name: string, data: any) => void} onEvent of a `text/event-stream`, as it comes
 * @returns {Promise<XMLHttpRequest>}
 */
function post(file, { signal, model, place, onProgress }, headers, onEvent) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    // The scores of every clip: which of them are detections is the page's choice.
    const query = new URLSearchParams({ clips: 'true', spectrogram: 'true' });
    for (const [name, value] of Object.entries({ model, place })) if (value !== '') query.set(name, value);
    xhr.open('POST', addressOf(`v1/predictions?${query}`));
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => onProgress('sending', total === 0 ? 0 : loaded / total);
    xhr.upload.onload = () => onProgress('predicting', 0);
    let read = 0;
    const readEvents = () => {
      if (xhr.status !== 200) return;
      for (let end = xhr.responseText.indexOf('\n\n', read); end !== -1; end = xhr.responseText.indexOf('\n\n', read)) {
        const { name, data } = eventOf(xhr.responseText.slice(read, end));
        read = end + 2;
        onEvent(name, data);
      }
    };
    xhr.onprogress = readEvents;
    xhr.onload = () => {
      readEvents();
      resolve(xhr);
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
