import { wavHeader, wavHeaderBytes } from '../../audio/wavHeader.ts';

/** A mono WAV file of 16 bits; samples beyond -1 and 1 are clipped, as a recorder does. */
export function encodeWav16(samples: Float64Array, rateHz: number): Buffer {
  const bytes = Buffer.alloc(wavHeaderBytes + 2 * samples.length);
  wavHeader({ format: 1, bitsPerSample: 16, rateHz }, samples.length).copy(bytes);
  samples.forEach((sample, i) => {
    bytes.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(sample * 32767))), wavHeaderBytes + 2 * i);
  });
  return bytes;
}
