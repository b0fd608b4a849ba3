// Live sound until the reader stops it: the microphone goes to the service, and the prediction of each clip comes back.
import { addressOf } from './api.js';
import { announce, byId, el } from './dom.js';
import { currentKey } from './key.js';
import { clock, percent, plural, spoken } from './lib/format.js';
import { Microphone, startAndStop } from './Microphone.js';
import { showLevel } from './record.js';

/** @typedef {{ minScore: number, topK: number }} Choice */
/** @typedef {{ start_s: number, end_s: number, top: { label: string, score: number }[] }} Clip */

/** Clips that stay on the page. */
const mostClips = 60;
/** What a slow connection may owe before it is given up. */
const mostUnsentBytes = 8e6;

/** @param {{ choice: () => Choice, model: () => string, onProblem: (text: string) => void }} use */
export function offerLive({ choice, model, onProblem }) {
  const [button, other] = [byId('live', HTMLButtonElement), byId('record', HTMLButtonElement)];
  const [panel, state] = [byId('live-panel', HTMLElement), byId('live-state', HTMLElement)];
  const list = byId('live-clips', HTMLElement);
  /** @type {{ microphone: Microphone, socket: WebSocket } | null} */
  let running = null;
  let lastLabel = '';
  button.hidden = false;

  startAndStop(button, { isRunning: () => running !== null, start, stop, onProblem });

  async function start() {
    const socket = connect();
    let samples = 0;
    let isStarted = false;
    const microphone = await Microphone.open((block, sampleRateHz) => {
      samples += block.length;
      showLevel(block, samples / sampleRateHz);
      if (!isStarted || socket.readyState !== WebSocket.OPEN) return;
      // Samples lie in memory as the service wants them: every machine that has a browser is little-endian.
      socket.send(block);
      if (socket.bufferedAmount > mostUnsentBytes) end('The connection is too slow for live sound.');
    }).catch((error) => {
      socket.close();
      throw error;
    });
    running = { microphone, socket };
    const start = () => {
      socket.send(JSON.stringify(startMessage(microphone.sampleRateHz, choice(), model())));
      isStarted = true;
    };
    if (socket.readyState === WebSocket.OPEN) start();
    else socket.addEventListener('open', start);
    socket.addEventListener('message', ({ data }) => received(JSON.parse(data)));
    socket.addEventListener('close', ({ code, reason }) => {
      if (running?.socket !== socket) return;
      end(code === 1000 ? '' : reason || 'The connection broke. Is the service running?');
    });
    list.replaceChildren();
    lastLabel = '';
    state.textContent = 'Connecting …';
    show(true);
    announce('Listening live');
  }

  /** The service is told, and says what is left. */
  async function stop() {
    if (running === null) return;
    const { microphone, socket } = running;
    button.disabled = true;
    await microphone.close();
    show(false);
    state.textContent = 'Predicting the rest …';
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'end' }));
    else end('');
  }

  /** @param {string} problem empty for none */
  async function end(problem) {
    if (running === null) return;
    const { microphone, socket } = running;
    running = null;
    socket.close();
    await microphone.close();
    show(false);
    button.disabled = false;
    if (problem !== '') {
      state.textContent = 'Ended.';
      onProblem(problem);
    }
  }

  /** @param {any} message */
  function received(message) {
    if (message.type === 'ready')
      state.textContent = `Listening with ${message.model}, in clips of ${message.clip.length_s} s.`;
    if (message.type === 'error') {
      const tooSoon = message.code === 'no_samples';
      end(tooSoon ? '' : message.message);
      if (tooSoon) state.textContent = 'Ended before any sound came.';
    }
    if (message.type === 'clip') showClip(message);
    if (message.type === 'done') {
      state.textContent = `Ended after ${clock(message.duration_s)}, ${plural(message.clips, 'clip')}. Request ${message.request_id}`;
    }
  }

  /** @param {Clip} clip */
  function showClip({ start_s, end_s, top }) {
    const best = top.filter(({ score }) => score >= choice().minScore);
    const label = best[0] === undefined ? '' : spoken(best[0].label);
    // Clips come every second or two: only what is new is read aloud.
    if (label !== '' && label !== lastLabel) announce(`${label}, ${percent(best[0]?.score)}`);
    lastLabel = label;
    const items = best.map(({ label: name, score }) => el('li', {}, el('b', {}, spoken(name)), ` ${percent(score)}`));
    list.prepend(
      el(
        'li',
        {},
        el('span', { class: 'time soft' }, `${clock(start_s)} – ${clock(end_s)}`),
        items.length === 0 ? el('span', { class: 'soft' }, 'nothing') : el('ul', {}, ...items),
      ),
    );
    while (list.children.length > mostClips) list.lastElementChild?.remove();
  }

  /** @param {boolean} isRunning */
  function show(isRunning) {
    panel.hidden = false;
    byId('microphone', HTMLElement).hidden = !isRunning;
    other.disabled = isRunning;
    button.classList.toggle('recording', isRunning);
    const words = button.querySelector('span');
    if (words !== null) words.textContent = isRunning ? 'Stop listening' : 'Listen live';
  }
}

/** A browser can send no header along, only names of protocols. */
function connect() {
  const key = currentKey();
  return new WebSocket(
    addressOf('v1/live').replace(/^http/, 'ws'),
    key === null ? [] : ['autobird.live', `bearer.${key}`],
  );
}

/** @param {number} sampleRateHz @param {Choice} choice @param {string} model empty where the service shall choose */
function startMessage(sampleRateHz, { minScore, topK }, model) {
  return {
    sample_rate_hz: sampleRateHz,
    format: 'f32le',
    channels: 1,
    min_score: minScore,
    top_k: topK,
    ...(model !== '' && { model }),
  };
}
