// Where things lie on a spectrogram.

/** @import { Bands } from '../../pageTypes.d.ts' */

/** HTK's scale, which the features have. @param {number} hz */
const mel = (hz) => 2595 * Math.log10(1 + hz / 700);

/**
 * Height of a frequency in a picture of one row a band, 0 at the bottom and 1 at the top. Centres of bands are evenly spaced
 * in mel between the ends, which belong to no band.
 *
 * @param {number} hz
 * @param {Bands} bands
 */
export function heightOf(hz, { count, min_hz, max_hz }) {
  const step = (mel(max_hz) - mel(min_hz)) / (count + 1);
  return ((mel(hz) - mel(min_hz)) / step - 0.5) / count;
}

/** Round frequencies that lie well apart. @param {Bands} bands @param {number} least distance, as a share of the height */
export function frequencyTicks(bands, least) {
  /** @type {number[]} */
  const ticks = [];
  for (const hz of [250, 500, 1000, 2000, 3000, 4000, 6000, 8000, 10000, 12000, 16000, 20000, 30000, 50000]) {
    const height = heightOf(hz, bands);
    const last = ticks.at(-1);
    if (height < 0.04 || height > 0.97) continue;
    if (last === undefined || height - heightOf(last, bands) >= least) ticks.push(hz);
  }
  return ticks;
}

/**
 * Round seconds that lie at least `leastPx` apart.
 *
 * @param {number} durationS
 * @param {number} widthPx
 */
export function timeTicks(durationS, widthPx, leastPx = 70) {
  const rough = (durationS * leastPx) / widthPx;
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].find((each) => each >= rough) ?? 3600;
  return Array.from({ length: Math.floor(durationS / step + 1e-9) + 1 }, (_, i) => i * step);
}

/**
 * A row for each stretch, so that those that overlap have different ones.
 *
 * @param {readonly { readonly start_s: number, readonly end_s: number }[]} stretches in order of their starts
 * @returns {number[]}
 */
export function lanesOf(stretches) {
  /** @type {number[]} */
  const ends = [];
  return stretches.map(({ start_s, end_s }) => {
    const free = ends.findIndex((end) => end <= start_s + 1e-6);
    const lane = free === -1 ? ends.length : free;
    ends[lane] = end_s;
    return lane;
  });
}
