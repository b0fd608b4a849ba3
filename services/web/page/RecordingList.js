// The recordings of this visit: sent one after another, long ones as jobs that go on by themselves.
import { RequestError } from './api.js';
import { announce, el } from './dom.js';
import { forgetJob, recallJobs, rememberJob } from './historyStore.js';
import { clock, percent, plural, size, spoken } from './lib/format.js';
import { deleteJob, followJob, predict, retryWhileAway, submitJob } from './send.js';

/** @import { PredictedRecording, Settings } from '../pageTypes.d.ts' */
/** @import { Failed } from './lib/tables.js' */
/** @import { Predicted, Stage } from './send.js' */

/**
 * @typedef {object} Item
 * @property {string} name
 * @property {number} bytes
 * @property {File | null} file null for a job that was sent before the page was loaded
 * @property {string | null} job its id, where it became one
 * @property {'waiting' | Stage | 'done' | 'failed'} state
 * @property {number} share of the state's work
 * @property {PredictedRecording | null} predicted
 * @property {string} error for the reader
 * @property {string} code of the error
 * @property {AbortController} stop
 * @property {HTMLElement} row
 */
/**
 * @typedef {object} RecordingListOptions
 * @property {HTMLElement} list
 * @property {() => Settings | null} settings
 * @property {() => string} model
 * @property {() => string} place
 * @property {(predicted: Predicted) => Promise<PredictedRecording>} complete adds what the page knows of the model
 * @property {(predicted: PredictedRecording) => string | null} topLabel of what the reader wants to see
 * @property {(item: Item, isChosen: boolean) => void} onShow a result is to be seen; `isChosen` by the reader
 * @property {() => void} onChange the number of recordings, or of those that are done
 */

export class RecordingList {
  /** @type {Item[]} */
  #items = [];
  /** @type {Item | null} */
  #shown = null;
  #isSending = false;
  #options;

  /** @param {RecordingListOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** In the order they came in: what was predicted and what failed. @returns {(PredictedRecording | Failed)[]} */
  results() {
    const over = this.#items.filter(({ predicted, state }) => predicted !== null || state === 'failed');
    return over.map(
      ({ name, predicted, error, code }) => predicted ?? { recording: name, error: { code, message: error } },
    );
  }

  counts() {
    const of = (/** @type {Item['state']} */ state) => this.#items.filter((item) => item.state === state).length;
    return { all: this.#items.length, done: of('done'), failed: of('failed') };
  }

  /** @param {readonly File[]} files */
  add(files) {
    if (files.length === 0) return;
    for (const file of files) this.#append({ name: file.name, bytes: file.size, file, job: null });
    announce(`${plural(files.length, 'recording')} added`);
    this.#options.onChange();
    void this.#send();
  }

  /** Takes up jobs that were sent before this page was loaded. */
  async resume() {
    for (const { id, name, bytes } of await recallJobs()) {
      const item = this.#append({ name, bytes, file: null, job: id });
      void this.#attempt(item, () => this.#followed(item, id));
    }
    this.#options.onChange();
  }

  /** Shows what is predicted under another list of species. */
  redraw() {
    for (const item of this.#items) this.#draw(item);
  }

  /** @param {PredictedRecording} changed with the feedback to its recording */
  replace(changed) {
    const item = this.#items.find(({ predicted }) => predicted?.request_id === changed.request_id);
    if (item !== undefined) item.predicted = changed;
  }

  /** @param {Pick<Item, 'name' | 'bytes' | 'file' | 'job'>} about @returns {Item} */
  #append(about) {
    const row = el('li');
    /** @type {Item} */
    const item = {
      ...about,
      state: 'waiting',
      share: 0,
      predicted: null,
      error: '',
      code: '',
      stop: new AbortController(),
      row,
    };
    const limit = this.#longest();
    if (about.file !== null && limit !== null && about.bytes > limit) {
      item.state = 'failed';
      item.code = 'too_large';
      item.error = `It is ${size(about.bytes)} large; this service takes ${size(limit)}.`;
    }
    this.#items.push(item);
    this.#options.list.append(row);
    this.#draw(item);
    return item;
  }

  /** Bytes that the service takes at all; null while that is not known. */
  #longest() {
    const settings = this.#options.settings();
    return settings === null ? null : Math.max(settings.max_file_bytes, settings.jobs?.max_file_bytes ?? 0);
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    const next = () => this.#items.find(({ state, job }) => state === 'waiting' && job === null);
    for (let item = next(); item !== undefined; item = next()) {
      const current = item;
      // A job is followed beside the next upload.
      await new Promise((resolve) => {
        void this.#attempt(current, () => this.#predicted(current, resolve)).finally(() => resolve(undefined));
      });
    }
    this.#isSending = false;
  }

  /** @param {Item} item @param {() => Promise<Predicted>} work */
  async #attempt(item, work) {
    const { name, stop } = item;
    try {
      const predicted = await work();
      item.predicted = await retryWhileAway(() => this.#options.complete(predicted), stop.signal);
      this.#change(item, 'done', 1);
      announce(`${name}: ${this.#wordsFor(item)}`);
      if (this.#shown === null) this.#show(item);
    } catch (error) {
      if (stop.signal.aborted) return;
      item.error = /** @type {Error} */ (error).message;
      item.code = (error instanceof RequestError && error.code) || 'failed';
      this.#change(item, 'failed', 0);
      announce(`${name}: ${item.error}`);
    } finally {
      if (item.job !== null && !stop.signal.aborted) await forgetJob(item.job);
      this.#options.onChange();
    }
  }

  /**
   * Within one request where it may be long enough, else as a job.
   *
   * @param {Item} item
   * @param {(nothing: undefined) => void} onSent
   * @returns {Promise<Predicted>}
   */
  async #predicted(item, onSent) {
    const file = /** @type {File} */ (item.file);
    const settings = this.#options.settings();
    const options = this.#sendOptions(item);
    // What is refused as too long comes here once more.
    const canBeJob = settings !== null && settings.jobs !== null;
    this.#change(item, 'sending', 0);
    if (!canBeJob || file.size <= settings.max_file_bytes) {
      try {
        return await predict(file, options);
      } catch (error) {
        const isTooLong = error instanceof RequestError && ['too_long', 'too_large'].includes(error.code);
        if (!canBeJob || !isTooLong) throw error;
      }
    }
    const { id } = await submitJob(file, options);
    item.job = id;
    await rememberJob({ id, name: item.name, bytes: item.bytes });
    onSent(undefined);
    return await this.#followed(item, id);
  }

  /** @param {Item} item @param {string} id */
  async #followed(item, id) {
    this.#change(item, 'waiting there', 0);
    return await followJob(id, this.#sendOptions(item));
  }

  /** @param {Item} item */
  #sendOptions(item) {
    return {
      signal: item.stop.signal,
      model: this.#options.model(),
      place: this.#options.place(),
      onProgress: (/** @type {Stage} */ stage, /** @type {number} */ share) => this.#change(item, stage, share),
    };
  }

  /** @param {Item} item @param {Item['state']} state @param {number} share */
  #change(item, state, share) {
    const isSame = item.state === state;
    item.state = state;
    item.share = share;
    if (!isSame) return this.#draw(item);
    // Elements stay, so that whoever reads or has the focus there is not disturbed many times a second.
    const [words, bar] = [item.row.querySelector('.state'), item.row.querySelector('progress')];
    if (words !== null) words.textContent = this.#wordsFor(item);
    if (bar !== null) bar.value = share;
  }

  /** @param {Item} item */
  #draw(item) {
    const { name, bytes, file, state, share, predicted, row } = item;
    const isWorking = state === 'sending' || state === 'predicting' || state === 'waiting there';
    const words = el('span', { class: state === 'failed' ? 'state bad' : 'state' }, this.#wordsFor(item));
    const length = predicted === null ? size(bytes) : clock(predicted.answer.duration_s);
    const about = [el('span', { class: 'file' }, name), el('span', { class: 'soft' }, length), words];
    const bar = el('progress', { max: 1, 'aria-label': `${name}: ${state}` });
    if (state === 'sending' || share > 0) bar.value = share;
    const current = String(item === this.#shown);
    const entry =
      state === 'done'
        ? el(
            'button',
            { type: 'button', class: 'entry', 'aria-current': current, onclick: () => this.#show(item, true) },
            ...about,
          )
        : el('div', { class: 'entry' }, ...about);
    const again = el('button', { type: 'button', onclick: () => this.#again(item) }, 'Try again');
    const remove = el(
      'button',
      { type: 'button', 'aria-label': `Remove ${name}`, onclick: () => this.#remove(item) },
      isWorking || state === 'waiting' ? 'Cancel' : 'Remove',
    );
    // A row that has the focus keeps it when it changes.
    const hadFocus = row.contains(document.activeElement);
    row.replaceChildren(
      entry,
      ...(state === 'failed' && file !== null ? [again] : []),
      ...(state === 'done' ? [] : [remove]),
      ...(isWorking ? [bar] : []),
    );
    if (hadFocus) row.querySelector('button')?.focus();
  }

  /** @param {Item} item @param {boolean} [isChosen] */
  #show(item, isChosen = false) {
    const before = this.#shown;
    this.#shown = item;
    this.#options.onShow(item, isChosen);
    for (const each of [before, item]) if (each !== null) this.#draw(each);
  }

  /** @param {Item} item */
  #again(item) {
    item.error = '';
    item.job = null;
    this.#change(item, 'waiting', 0);
    void this.#send();
  }

  /** @param {Item} item */
  #remove(item) {
    item.stop.abort();
    this.#items.splice(this.#items.indexOf(item), 1);
    item.row.remove();
    if (item.job !== null && item.state !== 'failed') {
      deleteJob(item.job).catch(() => {
        // It is over already, or the service is away: what is left of it is deleted after a while.
      });
    }
    if (item.job !== null) void forgetJob(item.job);
    this.#options.onChange();
    announce(`${item.name} removed`);
  }

  /** @param {Item} item */
  #wordsFor({ state, share, predicted, error }) {
    if (state === 'waiting') return 'waiting';
    if (state === 'sending') return `sending, ${percent(share)}`;
    if (state === 'waiting there') return 'sent; waiting for its turn';
    if (state === 'predicting') return share > 0 ? `predicting, ${percent(share)}` : 'predicting';
    if (predicted === null) return error;
    const label = this.#options.topLabel(predicted);
    return label === null ? 'no bird' : `${spoken(label)}, ${percent(predicted.answer.scores[label])}`;
  }
}
