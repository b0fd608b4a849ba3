import { wavHeader } from '../../src/service.ts';

export interface MonoWavOptions {
  readonly rateHz: number;
  readonly bitsPerSample: 16 | 32;
}

/** A WAV file of one channel; `samples` are little-endian integers of 16 bits, or floats of 32. */
export function monoWav(samples: Uint8Array, { rateHz, bitsPerSample }: MonoWavOptions): Uint8Array {
  const format = bitsPerSample === 32 ? 3 : 1;
  return Buffer.concat([
    wavHeader({ format, bitsPerSample, rateHz }, (8 * samples.byteLength) / bitsPerSample),
    samples,
  ]);
}
