import { palette } from './colormap.ts';
import { encodePng } from './png.ts';

/**
 * A log-mel spectrogram (bands x frames, band after band, as `LogMel.compute` gives it) as a PNG of one pixel a cell,
 * low bands at the bottom. Colours run from the median (the background) to the 99.8th percentile, so that quiet and loud
 * recordings look alike; `maxWidth` joins neighbouring frames by their loudest.
 */
export function spectrogramPng(logMel: Float32Array, bands: number, maxWidth = 480): Uint8Array {
  const frames = logMel.length / bands;
  const join = Math.max(1, Math.ceil(frames / maxWidth));
  const width = Math.ceil(frames / join);
  const sorted = Float32Array.from(logMel).sort();
  const low = sorted[Math.floor(0.5 * (sorted.length - 1))] as number;
  const high = Math.max(sorted[Math.floor(0.998 * (sorted.length - 1))] as number, low + 3);
  const pixels = new Uint8Array(width * bands);
  for (let band = 0; band < bands; band++) {
    const row = (bands - 1 - band) * width;
    for (let x = 0; x < width; x++) {
      let value = Number.NEGATIVE_INFINITY;
      for (let frame = x * join; frame < Math.min(frames, (x + 1) * join); frame++) {
        value = Math.max(value, logMel[band * frames + frame] as number);
      }
      const share = (value - low) / (high - low);
      pixels[row + x] = Math.max(0, Math.min(255, Math.round(20 + 235 * share)));
    }
  }
  return encodePng(pixels, width, bands, palette('magma'));
}
