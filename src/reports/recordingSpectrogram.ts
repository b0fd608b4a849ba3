import { LogMel } from '../../bindings/audio.ts';
import type { FeatureOptions } from '../../bindings/native.ts';
import { spectrogramPng } from './spectrogram.ts';

/** Columns of the picture at most; between this and twice as many are kept while the length is not known. */
const maxColumns = 1200;
/** Seconds that are in memory at once. */
const stretchS = 16;

/**
 * The log-mel of a recording of any length as a PNG, low bands at the bottom, a column a frame or the loudest of several.
 * Background removal is left out: a person wants to see the recording, not what the network makes of it.
 */
export async function recordingSpectrogram(
  blocks: AsyncIterable<Float32Array>,
  features: FeatureOptions,
): Promise<Uint8Array> {
  using logMel = new LogMel({ ...features, background: 'none' });
  const columns = new Columns(features.nMels);
  const stretch = new Float32Array(stretchS * features.sampleRateHz);
  let filled = 0;
  const flush = async () => {
    // Shorter than a window there is nothing to reflect at the ends.
    if (filled <= features.nFft / 2) return;
    const { data, frames } = await logMel.compute(stretch.subarray(0, filled));
    columns.add(data, frames);
    filled = 0;
  };
  for await (const block of blocks) {
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + stretch.length - filled);
      stretch.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === stretch.length) await flush();
    }
  }
  await flush();
  return spectrogramPng(columns.image(), features.nMels, maxColumns);
}

/** Frames joined by their loudest, ever more of them as the recording goes on. */
class Columns {
  readonly #bands: number;
  #framesAColumn = 1;
  #columns: Float32Array[] = [];
  #inLast = 0;

  constructor(bands: number) {
    this.#bands = bands;
  }

  /** `data` is bands x frames. */
  add(data: Float32Array, frames: number): void {
    for (let frame = 0; frame < frames; frame++) {
      if (this.#inLast === 0) this.#columns.push(new Float32Array(this.#bands).fill(Number.NEGATIVE_INFINITY));
      const last = this.#columns[this.#columns.length - 1] as Float32Array;
      for (let band = 0; band < this.#bands; band++) {
        last[band] = Math.max(last[band] as number, data[band * frames + frame] as number);
      }
      this.#inLast = (this.#inLast + 1) % this.#framesAColumn;
      if (this.#inLast === 0 && this.#columns.length === 2 * maxColumns) this.#halve();
    }
  }

  /** (bands * columns), band after band. */
  image(): Float32Array {
    const width = Math.max(1, this.#columns.length);
    const image = new Float32Array(this.#bands * width);
    this.#columns.forEach((column, x) => {
      for (let band = 0; band < this.#bands; band++) image[band * width + x] = column[band] as number;
    });
    return image;
  }

  #halve(): void {
    this.#columns = Array.from({ length: maxColumns }, (_, i) => {
      const [left, right] = [this.#columns[2 * i] as Float32Array, this.#columns[2 * i + 1] as Float32Array];
      return left.map((value, band) => Math.max(value, right[band] as number));
    });
    this.#framesAColumn *= 2;
  }
}
