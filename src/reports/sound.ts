/** Sound inside a page. */

import { wavHeader, wavHeaderBytes } from '../audio/wavHeader.ts';

/**
 * A stretch of sound as a WAV file in a `data:` address: 8 bits a sample in mu-law (ITU-T G.711), which browsers play and
 * which takes half the room of 16 bits. It is made as loud as it can be, for most field recordings are quiet; null where
 * there is nothing but zeros.
 *
 * @param samples mono, from -1 to 1
 */
export function soundDataUrl(samples: Float32Array, sampleRateHz: number): string | null {
  const peak = samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  if (!(peak > 0)) return null;
  const file = Buffer.alloc(wavHeaderBytes + samples.length);
  wavHeader({ format: 7, bitsPerSample: 8, rateHz: sampleRateHz }, samples.length).copy(file);
  samples.forEach((sample, i) => {
    file[wavHeaderBytes + i] = muLaw((0.98 * sample) / peak);
  });
  return `data:audio/wav;base64,${file.toString('base64')}`;
}

/** G.711, table 2a: sign, three bits of exponent, four of mantissa, all inverted. */
function muLaw(sample: number): number {
  const bias = 132;
  const magnitude = Math.min(Math.round(Math.abs(sample) * 32767), 32635) + bias;
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}
