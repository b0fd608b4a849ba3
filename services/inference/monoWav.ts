export interface MonoWavOptions {
  readonly rateHz: number;
  readonly bitsPerSample: 16 | 32;
}

const pcm = 1;
const ieeeFloat = 3;

/** A WAV file of one channel; `samples` are little-endian integers of 16 bits, or floats of 32. */
export function monoWav(samples: Uint8Array, { rateHz, bitsPerSample }: MonoWavOptions): Uint8Array {
  const sampleBytes = bitsPerSample / 8;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(bitsPerSample === 32 ? ieeeFloat : pcm, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(sampleBytes * rateHz, 28);
  header.writeUInt16LE(sampleBytes, 32);
  header.writeUInt16LE(bitsPerSample, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, samples]);
}
