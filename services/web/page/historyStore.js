// What this browser remembers: answers with their pictures, never the recordings. Nothing of it leaves the browser.

/** @import { Heard } from '../pageTypes.d.ts' */
/** @typedef {{ request_id: string, time_ms: number, bytes: number, heard: Heard }} Entry */

const mostEntries = 100;
const mostBytes = 50e6;

export const historyNote = 'Kept in the history of this browser, without the recording.';

/**
 * Keeps an answer, or the newer state of one; the oldest go where it becomes too much.
 *
 * @param {Heard} heard
 * @returns {Promise<string | null>} why it could not be kept, for people; null where it was
 */
export async function remember(heard) {
  const { request_id, time_ms } = heard;
  const entry = { request_id, time_ms, bytes: JSON.stringify(heard).length, heard };
  try {
    await transaction('readwrite', (store) => store.put(entry));
    const kept = await recall();
    let bytes = 0;
    const tooMuch = kept.filter((each, i) => {
      bytes += each.bytes;
      return i >= mostEntries || bytes > mostBytes;
    });
    for (const each of tooMuch) await transaction('readwrite', (store) => store.delete(each.request_id));
    return null;
  } catch (error) {
    return `This browser keeps no history here (${/** @type {Error} */ (error).message}).`;
  }
}

/** Newest first. @returns {Promise<Entry[]>} */
export async function recall() {
  /** @type {Entry[]} */
  const entries = await transaction('readonly', (store) => store.getAll());
  return entries.sort((a, b) => b.time_ms - a.time_ms);
}

/** @param {string} requestId */
export async function forget(requestId) {
  await transaction('readwrite', (store) => store.delete(requestId));
}

export async function forgetAll() {
  await transaction('readwrite', (store) => store.clear());
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} body
 * @returns {Promise<any>}
 */
async function transaction(mode, body) {
  const opening = indexedDB.open('autobird', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('heard', { keyPath: 'request_id' });
  const database = await done(opening);
  try {
    const running = database.transaction('heard', mode);
    const result = await done(body(running.objectStore('heard')));
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

/** @param {IDBRequest} asked @returns {Promise<any>} */
function done(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
