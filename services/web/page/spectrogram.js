// The recording in the model's bands, with the detections drawn on it. The picture is made by the service.
import { el } from './dom.js';
import { clock, percent, spoken } from './lib/format.js';
import { frequencyTicks, heightOf, lanesOf, timeTicks } from './lib/scale.js';

/** @import { PredictionResponse, Bands, Detection } from '../pageTypes.d.ts' */

/** Pixels a second at most; a picture of one pixel a frame shows no more then. */
const mostPxPerS = 400;
/** Rows of names above the picture at most; what overlaps more shares them. */
const lanes = 5;

/**
 * @param {object} options
 * @param {PredictionResponse} options.answer
 * @param {Bands} options.bands
 * @param {(label: string) => number} options.colorOf 1 to 8
 * @param {(seconds: number) => void} options.onSeek
 * @param {(detection: Detection) => void} options.onPlay
 */
export function createSpectrogram({ answer, bands, colorOf, onSeek, onPlay }) {
  const { duration_s: durationS, recording } = answer;
  const canvas = el('canvas', { role: 'img', 'aria-label': `Spectrogram of ${recording}, ${clock(durationS)} long` });
  // For pointers and eyes: the table of detections says and does the same for keys and ears.
  const boxes = el('ol', { class: 'boxes', 'aria-hidden': 'true' });
  const playhead = el('div', { class: 'playhead' });
  const times = el('div', { class: 'times', 'aria-hidden': 'true' });
  const plane = el('div', { class: 'plane' }, canvas, boxes, playhead);
  const track = el('div', { class: 'track' }, plane, times);
  const scroller = el(
    'div',
    {
      class: 'scroller',
      tabindex: 0,
      role: 'group',
      'aria-label': 'Spectrogram; scroll with the arrow keys when zoomed',
    },
    track,
  );
  const frequencies = el('div', { class: 'frequencies', 'aria-hidden': 'true' });
  const root = el('div', { class: 'spectrogram' }, frequencies, scroller);
  let zoom = 1;

  for (const hz of frequencyTicks(bands, 0.11)) {
    const tick = el('span', {}, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`);
    tick.style.bottom = `${100 * heightOf(hz, bands)}%`;
    frequencies.append(tick);
  }
  paint(canvas, answer.spectrogram_png);

  plane.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('button')) return;
    const { left, width } = plane.getBoundingClientRect();
    onSeek(Math.max(0, Math.min(1, (event.clientX - left) / width)) * durationS);
  });

  const layOut = () => {
    track.style.width = `${100 * zoom}%`;
    const width = scroller.clientWidth * zoom;
    if (width === 0) return;
    times.replaceChildren(
      ...timeTicks(durationS, width).map((second) => {
        const tick = el('span', {}, shortTime(second, durationS));
        const share = second / durationS;
        // The last words must not stand out of the picture, which would then scroll.
        tick.style[share > 0.97 ? 'right' : 'left'] = `${100 * (share > 0.97 ? 1 - share : share)}%`;
        if (share > 0.97) tick.classList.add('last');
        return tick;
      }),
    );
  };
  new ResizeObserver(layOut).observe(scroller);

  return {
    root,

    /** @param {readonly Detection[]} detections */
    show(detections) {
      const rows = lanesOf(detections);
      root.style.setProperty('--lanes', String(Math.max(1, Math.min(lanes, 1 + Math.max(...rows, 0)))));
      boxes.replaceChildren(
        ...detections.map((detection, i) => {
          const { start_s, end_s, label, score } = detection;
          const words = `${spoken(label)}, ${percent(score)}, ${clock(start_s)} to ${clock(end_s)}: play`;
          const button = el(
            'button',
            { type: 'button', tabindex: -1, title: words, onclick: () => onPlay(detection) },
            el('span', { class: 'tag' }, el('b', {}, spoken(label)), ` ${percent(score)}`),
          );
          const item = el('li', { class: `box color-${colorOf(label)}` }, button);
          item.style.left = `${(100 * start_s) / durationS}%`;
          item.style.width = `${(100 * (end_s - start_s)) / durationS}%`;
          item.style.setProperty('--lane', String((rows[i] ?? 0) % lanes));
          return item;
        }),
      );
    },

    /** @param {number} seconds @param {boolean} follow keep it in view */
    moveTo(seconds, follow) {
      const share = Math.min(1, seconds / durationS);
      playhead.style.left = `${100 * share}%`;
      const at = share * track.clientWidth;
      const { scrollLeft, clientWidth } = scroller;
      if (follow && (at < scrollLeft || at > scrollLeft + clientWidth)) scroller.scrollLeft = at - clientWidth * 0.1;
    },

    /** @param {number} factor 1 for all of it; the middle of what is seen stays. @returns what it is now */
    zoomBy(factor) {
      const { scrollLeft, clientWidth } = scroller;
      const middle = (scrollLeft + clientWidth / 2) / (clientWidth * zoom);
      const most = Math.max(1, (mostPxPerS * durationS) / Math.max(1, clientWidth));
      zoom = factor === 0 ? 1 : Math.max(1, Math.min(most, zoom * factor));
      layOut();
      scroller.scrollLeft = middle * clientWidth * zoom - clientWidth / 2;
      return { canZoomIn: zoom < most, canZoomOut: zoom > 1 };
    },
  };
}

/** @param {HTMLCanvasElement} canvas @param {string} base64 a PNG */
export async function paint(canvas, base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  picture.close();
}

/** @param {number} second @param {number} durationS */
function shortTime(second, durationS) {
  if (durationS < 60) return `${Number(second.toFixed(1))} s`;
  return `${Math.floor(second / 60)}:${String(Math.round(second % 60)).padStart(2, '0')}`;
}
