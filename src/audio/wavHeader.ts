export const wavHeaderBytes = 44;

/** The header of a mono WAV file: `format` is 1 for PCM, 3 for floats, 7 for mu-law. */
export function wavHeader(
  { format, bitsPerSample, rateHz }: { format: 1 | 3 | 7; bitsPerSample: 8 | 16 | 32; rateHz: number },
  samples: number,
): Buffer {
  const sampleBytes = bitsPerSample / 8;
  const header = Buffer.alloc(wavHeaderBytes);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(wavHeaderBytes - 8 + samples * sampleBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(format, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(rateHz * sampleBytes, 28);
  header.writeUInt16LE(sampleBytes, 32);
  header.writeUInt16LE(bitsPerSample, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples * sampleBytes, 40);
  return header;
}
