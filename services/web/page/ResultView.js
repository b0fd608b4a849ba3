// Everything about one recording that was predicted: picture, sound, classes, detections, files, and what it really was.
import { announce, el, icon } from './dom.js';
import { createFeedback } from './feedback.js';
import { saveButtons } from './files.js';
import { colorsOf } from './lib/colors.js';
import { bestLabels, detectionsOf, topLabel } from './lib/detections.js';
import { clock, dateAndTime, percent, plural, spoken } from './lib/format.js';
import { moveAmongButtons } from './moveAmongButtons.js';
import { Player } from './Player.js';
import { createSpectrogram } from './spectrogram.js';

/** @import { Detection, PredictedRecording } from '../pageTypes.d.ts' */
/**
 * @typedef {object} Choice what the reader wants to see
 * @property {number} minScore
 * @property {number} topK
 * @property {(labels: readonly string[], noEventLabels: readonly string[]) => readonly string[]} hidden labels that are not shown
 */

export class ResultView {
  #player = new Player();
  /** @type {PredictedRecording} */
  #predicted;
  /** @type {Choice} */
  #choice;
  #bars = el('ol', { class: 'bars' });
  #rows = el('tbody');
  #count = el('p', { class: 'soft' });
  #title = el('h2', { id: 'result-title', tabindex: -1 });
  /** What the list of species hides. */
  #aside = el('p', { class: 'soft' });
  #sound;
  #spectrogram;
  #color;
  root;

  /**
   * @param {PredictedRecording} predicted
   * @param {Blob | null} recording null where it is not there any more
   * @param {Choice} choice
   * @param {(changed: PredictedRecording) => void} onFeedback
   */
  constructor(predicted, recording, choice, onFeedback) {
    const { answer, bands, no_event_labels, time_ms } = predicted;
    this.#predicted = predicted;
    this.#choice = choice;
    const all = bestLabels(answer, no_event_labels, answer.labels.length).map(({ label }) => label);
    this.#color = colorsOf(all);
    this.#spectrogram = createSpectrogram({
      answer,
      bands,
      colorOf: this.#color,
      onSeek: (seconds) => this.#player.canPlay && this.#player.seek(seconds),
      onPlay: (detection) => this.#playStretch(detection),
    });
    this.#sound = this.#controls();
    this.root = el(
      'article',
      { class: 'result', 'aria-labelledby': 'result-title' },
      this.#heading(),
      this.#spectrogram.root,
      this.#sound.root,
      el('div', { class: 'columns' }, this.#classes(), this.#detections()),
      el(
        'div',
        { class: 'columns' },
        createFeedback(predicted, onFeedback),
        el(
          'section',
          { class: 'panel', 'aria-label': 'Files' },
          el('h3', {}, 'Take it with you'),
          el('p', { class: 'soft' }, 'What is listed above, as the service writes it.'),
          saveButtons(
            predicted.answer.recording.replace(/\.[^.]*$/, ''),
            () => [this.#predicted],
            () => this.#choice,
          ),
        ),
      ),
      el(
        'p',
        { class: 'soft small' },
        `Predicted ${dateAndTime(time_ms)} by ${answer.model}, version ${answer.model_version}. Request `,
        el('code', {}, predicted.request_id),
      ),
    );
    this.#rows.addEventListener('keydown', moveAmongButtons);
    this.#player.addEventListener('change', () => this.#follow());
    this.#player.load(recording);
    this.show(choice);
  }

  /** Shows what is detected under another choice. @param {Choice} choice */
  show(choice) {
    this.#choice = choice;
    const detections = this.#found();
    this.#spectrogram.show(detections);
    this.#rows.replaceChildren(...detections.map((detection, i) => this.#row(detection, i === 0)));
    this.#count.textContent =
      detections.length === 0
        ? `Nothing reaches ${percent(choice.minScore)} in any clip: lower the least score to see fainter guesses.`
        : `${plural(detections.length, 'detection')} of at least ${percent(choice.minScore)}`;
    const { answer } = this.#predicted;
    this.#showTitle();
    this.#bars.replaceChildren(
      ...bestLabels(answer, this.#hidden(), choice.topK).map(({ label, score }) => {
        const fill = el('span', { class: `fill color-${this.#color(label)}` });
        fill.style.width = `${100 * score}%`;
        return el(
          'li',
          {},
          el('span', { class: 'name' }, spoken(label)),
          el('span', { class: 'figure' }, percent(score)),
          el('span', { class: 'bar', 'aria-hidden': 'true' }, fill),
        );
      }),
    );
  }

  #showTitle() {
    const { answer } = this.#predicted;
    const { top_label, scores } = answer;
    const shown = topLabel(answer, this.#hidden());
    const isHidden = top_label !== null && shown !== top_label;
    this.#title.replaceChildren(shown === null ? (isHidden ? 'None of your species' : 'No bird') : spoken(shown));
    if (shown !== null) this.#title.append(el('span', { class: 'sure' }, ` ${percent(scores[shown])}`));
    this.#aside.textContent = isHidden
      ? `Best of your species. Over all, ${spoken(top_label)} is best with ${percent(scores[top_label])}.`
      : '';
    this.#aside.hidden = !isHidden;
  }

  /** To be called when it is not shown any more. */
  close() {
    this.#player.load(null);
    this.root.remove();
  }

  focus() {
    this.root.querySelector('h2')?.focus();
  }

  #found() {
    return detectionsOf(this.#predicted.answer, { ...this.#choice, noEventLabels: this.#hidden() });
  }

  /** Labels that are not shown. */
  #hidden() {
    const { answer, no_event_labels } = this.#predicted;
    return this.#choice.hidden(answer.labels, no_event_labels);
  }

  #heading() {
    const { recording, duration_s, recorded_at, warnings = [] } = this.#predicted.answer;
    const recorded = recorded_at === null ? '' : `, recorded ${recorded_at.replace('T', ' ')}`;
    return el(
      'header',
      { class: 'verdict' },
      el('p', { class: 'file' }, `${recording} · ${clock(duration_s)}${recorded}`),
      this.#title,
      this.#aside,
      ...warnings.map((warning) => el('p', { class: 'notice warning' }, `Look at the recording: ${warning}.`)),
    );
  }

  #controls() {
    const { duration_s: durationS, recording } = this.#predicted.answer;
    const play = el('button', { type: 'button', class: 'round', onclick: () => this.#player.toggle() }, icon('play'));
    const seek = el('input', { type: 'range', min: 0, max: durationS, step: 0.05, value: 0, 'aria-label': 'Position' });
    seek.addEventListener('input', () => this.#player.seek(Number(seek.value)));
    const time = el('span', { class: 'time' });
    const message = el('p', { class: 'soft small message', role: 'status' });
    /** @type {(label: string, sign: string, factor: number) => HTMLButtonElement} */
    const zoomer = (label, sign, factor) =>
      el(
        'button',
        { type: 'button', class: 'square', 'aria-label': label, title: label, onclick: () => zoomBy(factor) },
        icon(sign),
      );
    const [zoomOut, zoomIn, zoomAll] = [
      zoomer('Zoom out', 'minus', 0.5),
      zoomer('Zoom in', 'plus', 2),
      zoomer('Show all of it', 'fit', 0),
    ];
    const zoomBy = (/** @type {number} */ factor) => {
      const { canZoomIn, canZoomOut } = this.#spectrogram.zoomBy(factor);
      zoomIn.setAttribute('aria-disabled', String(!canZoomIn));
      for (const button of [zoomOut, zoomAll]) button.setAttribute('aria-disabled', String(!canZoomOut));
    };
    for (const button of [zoomOut, zoomAll]) button.setAttribute('aria-disabled', 'true');
    const root = el(
      'div',
      { class: 'controls', role: 'group', 'aria-label': `Sound of ${recording}` },
      play,
      seek,
      time,
      el('span', { class: 'zoom' }, zoomOut, zoomIn, zoomAll),
      message,
    );
    return { root, play, seek, time, message };
  }

  #follow() {
    const { play, seek, time, message } = this.#sound;
    const { timeS, isPlaying, canPlay, problem } = this.#player;
    const durationS = this.#predicted.answer.duration_s;
    const label = isPlaying ? 'Pause' : 'Play';
    if (play.getAttribute('aria-label') !== label) {
      play.setAttribute('aria-label', label);
      play.title = label;
      play.replaceChildren(icon(isPlaying ? 'pause' : 'play'));
    }
    play.disabled = !canPlay;
    seek.disabled = !canPlay;
    seek.value = String(timeS);
    seek.setAttribute('aria-valuetext', `${clock(timeS)} of ${clock(durationS)}`);
    time.textContent = `${clock(timeS)} / ${clock(durationS)}`;
    const text = problem ?? (canPlay ? '' : 'The recording itself is not stored, so it cannot be played again.');
    if (message.textContent !== text) message.textContent = text;
    this.#spectrogram.moveTo(timeS, isPlaying);
  }

  #classes() {
    return el(
      'section',
      { class: 'panel', 'aria-labelledby': 'classes-title' },
      el('h3', { id: 'classes-title' }, 'Sounds like'),
      el(
        'p',
        { class: 'soft' },
        'Of the whole recording; calibrated: of predictions at 70 %, about seven in ten should be right.',
      ),
      this.#bars,
    );
  }

  #detections() {
    const titles = [
      el('th', { scope: 'col' }, 'Time'),
      el('th', { scope: 'col' }, 'Class'),
      el('th', { scope: 'col', class: 'number' }, 'Score'),
      el('th', { scope: 'col' }, el('span', { class: 'unseen' }, 'Play')),
    ];
    return el(
      'section',
      { class: 'panel', 'aria-labelledby': 'detections-title' },
      el('h3', { id: 'detections-title' }, 'When'),
      this.#count,
      el(
        'div',
        {
          class: 'scroll',
          tabindex: 0,
          role: 'region',
          'aria-label': 'Detections; arrow keys go from one to the next',
        },
        el('table', {}, el('thead', {}, el('tr', {}, ...titles)), this.#rows),
      ),
    );
  }

  /** @param {Detection} detection @param {boolean} isFirst */
  #row(detection, isFirst) {
    const { start_s, end_s, label, score } = detection;
    const words = `Play ${spoken(label)} at ${clock(start_s)}`;
    const onclick = () => this.#playStretch(detection);
    return el(
      'tr',
      {},
      el('td', { class: 'time' }, `${clock(start_s)}–${clock(end_s)}`),
      el('td', {}, el('span', { class: `dot color-${this.#color(label)}`, 'aria-hidden': 'true' }), spoken(label)),
      el('td', { class: 'number' }, percent(score)),
      el(
        'td',
        {},
        el(
          'button',
          { type: 'button', class: 'square', 'aria-label': words, tabindex: isFirst ? 0 : -1, onclick },
          icon('play'),
        ),
      ),
    );
  }

  /** @param {Detection} detection */
  #playStretch({ start_s, end_s, label }) {
    if (!this.#player.canPlay) return announce(this.#sound.message.textContent ?? '');
    this.#player.playStretch(start_s, end_s);
    announce(`Playing ${spoken(label)}, ${clock(start_s)} to ${clock(end_s)}`);
  }
}
