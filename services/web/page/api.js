// Requests to the service that the page came from, wherever it is mounted.
import { askForKey, currentKey } from './key.js';

/** @import { Settings } from '../pageTypes.d.ts' */

/** This file is `<service>/app/assets/api.js`. */
const service = new URL('../../', import.meta.url);

/** @param {string} path below the service: `v1/models` */
export function addressOf(path) {
  return new URL(path, service).href;
}

/** What a request was refused with. */
export class RequestError extends Error {
  /** @param {string} message @param {number} status 0 where nothing came back @param {string} [code] the service's own */
  constructor(message, status, code = '') {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.code = code;
  }
}

/**
 * JSON of the service. Asks the reader for a key where one is needed.
 *
 * @param {string} path
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 * @throws {RequestError} with a sentence for the reader
 */
export async function request(path, options = {}) {
  const response = await fetchWithKey(path, options);
  return await response.json();
}

/**
 * @param {string} path
 * @param {{ method?: string, body?: unknown, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>}
 */
export async function fetchWithKey(path, { method = 'GET', body, signal } = {}) {
  for (;;) {
    const response = await fetch(addressOf(path), {
      method,
      headers: { ...authorization(), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error) => {
      if (signal?.aborted) throw error;
      throw new RequestError('The service cannot be reached. Is it running, and are you connected to it?', 0);
    });
    if (response.ok) return response;
    if (response.status === 401 && (await askForKey())) continue;
    throw refused(response.status, await response.text());
  }
}

/** The error that a refusal is, with the service's sentence and code. @param {number} status @param {string} body */
export function refused(status, body) {
  let code = '';
  try {
    code = String(JSON.parse(body).code ?? '');
  } catch {
    // A proxy on the way refused it.
  }
  return new RequestError(sentenceOf(status, body), status, code);
}

/** @returns {Record<string, string>} */
export function authorization() {
  const key = currentKey();
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/**
 * What a refusal says, for people.
 *
 * @param {number} status
 * @param {string} body
 */
export function sentenceOf(status, body) {
  try {
    const { detail, reason } = JSON.parse(body);
    if (typeof detail === 'string') return detail;
    if (Array.isArray(detail) && detail.length > 0) return detail.map(({ msg }) => msg).join('; ');
    if (typeof reason === 'string') return reason;
  } catch {
    // A proxy on the way has its own words; the status is all that can be told.
  }
  if (status === 413) return 'The recording is larger than the service, or a proxy before it, takes.';
  return `The service refused it with status ${status}.`;
}

/** @returns {Promise<Settings>} */
export async function settings() {
  return await request('app/settings.json');
}
