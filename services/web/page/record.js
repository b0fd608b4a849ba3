// Records from the microphone into a WAV file.
import { announce, byId } from './dom.js';
import { clock } from './lib/format.js';
import { encodeWav } from './lib/wav.js';
import { Microphone, startAndStop } from './Microphone.js';

/** @import { Settings } from '../pageTypes.d.ts' */

/** Bytes of a WAV file that are no samples. */
const headerBytes = 44;

/**
 * Makes the button record. A recording ends by itself where the service would not take more.
 *
 * @param {Settings} limits
 * @param {{ onFile: (file: File) => void, onProblem: (text: string) => void }} use
 */
export function offerRecording({ max_file_bytes, max_duration_s }, { onFile, onProblem }) {
  const button = byId('record', HTMLButtonElement);
  /** @type {{ microphone: Microphone, blocks: Float32Array[], begun: Date } | null} */
  let running = null;

  startAndStop(button, { isRunning: () => running !== null, start, stop, onProblem });

  async function start() {
    /** @type {Float32Array[]} */
    const blocks = [];
    let samples = 0;
    const microphone = await Microphone.open((block, sampleRateHz) => {
      blocks.push(block);
      samples += block.length;
      showLevel(block, samples / sampleRateHz);
      const mostSamples = Math.min((max_file_bytes - headerBytes) / 2, max_duration_s * sampleRateHz);
      if (samples + block.length > mostSamples) void stop();
    });
    running = { microphone, blocks, begun: new Date() };
    showRunning(true);
    announce('Recording');
  }

  async function stop() {
    if (running === null) return;
    const { microphone, blocks, begun } = running;
    running = null;
    const { sampleRateHz } = microphone;
    await microphone.close();
    showRunning(false);
    if (blocks.length === 0) return onProblem('Nothing was recorded: is the microphone switched off?');
    onFile(new File([encodeWav(blocks, sampleRateHz)], `recording_${stamp(begun)}.wav`, { type: 'audio/wav' }));
  }

  /** @param {boolean} isRunning */
  function showRunning(isRunning) {
    byId('microphone', HTMLElement).hidden = !isRunning;
    button.classList.toggle('recording', isRunning);
    const words = button.querySelector('span');
    if (words !== null) words.textContent = isRunning ? 'Stop and listen' : 'Record';
  }
}

/** @param {Float32Array} block @param {number} seconds */
export function showLevel(block, seconds) {
  const peak = block.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  // Decibels, as ears have it: from -60 to 0.
  byId('level', HTMLMeterElement).value = peak === 0 ? 0 : Math.max(0, 1 + (20 * Math.log10(peak)) / 60);
  byId('recorded', HTMLElement).textContent = clock(seconds);
}

/** `20260131_063000` in local time: the service reads from the name when it was recorded. @param {Date} date */
function stamp(date) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
