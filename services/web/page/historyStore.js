// What this browser remembers: predictions with their pictures and jobs that go on, never recordings. Nothing of it leaves the browser.

/** @import { PredictedRecording } from '../pageTypes.d.ts' */
/** @typedef {{ request_id: string, time_ms: number, bytes: number, heard: PredictedRecording }} Entry */
/** @typedef {{ id: string, name: string, bytes: number }} OpenJob a job that was sent from this browser and is not over */

const mostEntries = 100;
const mostBytes = 50e6;

export const historyNote = 'Kept in the history of this browser, without the recording.';

/**
 * Stores a prediction, or the newer state of one; the oldest are deleted where there are too many.
 *
 * @param {PredictedRecording} predicted
 * @returns {Promise<string | null>} why it could not be stored, for people; null where it was
 */
export async function remember(predicted) {
  const { request_id, time_ms } = predicted;
  const entry = { request_id, time_ms, bytes: JSON.stringify(predicted).length, heard: predicted };
  try {
    await transaction('heard', 'readwrite', (store) => store.put(entry));
    const entries = await recall();
    let bytes = 0;
    const tooMuch = entries.filter((each, i) => {
      bytes += each.bytes;
      return i >= mostEntries || bytes > mostBytes;
    });
    for (const each of tooMuch) await transaction('heard', 'readwrite', (store) => store.delete(each.request_id));
    return null;
  } catch (error) {
    return `This browser keeps no history here (${/** @type {Error} */ (error).message}).`;
  }
}

/** Newest first. @returns {Promise<Entry[]>} */
export async function recall() {
  /** @type {Entry[]} */
  const entries = await transaction('heard', 'readonly', (store) => store.getAll());
  return entries.sort((a, b) => b.time_ms - a.time_ms);
}

/** @param {string} requestId */
export async function forget(requestId) {
  await transaction('heard', 'readwrite', (store) => store.delete(requestId));
}

export async function forgetAll() {
  await transaction('heard', 'readwrite', (store) => store.clear());
}

/** Keeps a job so that a page that is loaded again finds it; a browser without storage does without. @param {OpenJob} job */
export async function rememberJob(job) {
  await transaction('jobs', 'readwrite', (store) => store.put(job)).catch(() => {});
}

/** @returns {Promise<OpenJob[]>} */
export async function recallJobs() {
  return await transaction('jobs', 'readonly', (store) => store.getAll()).catch(() => []);
}

/** @param {string} id */
export async function forgetJob(id) {
  await transaction('jobs', 'readwrite', (store) => store.delete(id)).catch(() => {});
}

/**
 * @param {'heard' | 'jobs'} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} body
 * @returns {Promise<any>}
 */
async function transaction(name, mode, body) {
  const opening = indexedDB.open('autobird', 2);
  opening.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) opening.result.createObjectStore('heard', { keyPath: 'request_id' });
    if (oldVersion < 2) opening.result.createObjectStore('jobs', { keyPath: 'id' });
  };
  const database = await done(opening);
  try {
    const running = database.transaction(name, mode);
    const result = await done(body(running.objectStore(name)));
    await new Promise((resolve, reject) => {
      // It may have ended while the result was waited for; then there is nothing to wait for.
      running.oncomplete = resolve;
      running.onerror = () => reject(running.error);
      running.onabort = () => reject(running.error);
      if (mode === 'readonly') resolve(undefined);
    });
    return result;
  } finally {
    database.close();
  }
}

/** @param {IDBRequest} request @returns {Promise<any>} */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
