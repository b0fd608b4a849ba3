/** FLAC files that decode to as much silence as is wanted: 12 bytes for each 65,535 samples of a channel, a decompression bomb. */

const blockSamples = 65_535;

export interface SilentFlacOptions {
  readonly sampleRateHz?: number;
  readonly channels?: number;
}

/** At least `seconds` of silence. */
export function silentFlac(
  seconds: number,
  { sampleRateHz = 48_000, channels = 1 }: SilentFlacOptions = {},
): Uint8Array {
  const frames = Math.ceil((seconds * sampleRateHz) / blockSamples);
  const parts = [streamInfo(sampleRateHz, channels, frames * blockSamples)];
  for (let number = 0; number < frames; number++) parts.push(frame(number, channels));
  return Buffer.concat(parts);
}

function streamInfo(sampleRateHz: number, channels: number, samples: number): Buffer {
  const block = Buffer.alloc(4 + 4 + 34);
  block.write('fLaC', 0, 'latin1');
  // The last metadata block, of type 0.
  block.writeUInt32BE(0x80000000 + 34, 4);
  block.writeUInt16BE(blockSamples, 8);
  block.writeUInt16BE(blockSamples, 10);
  const format = (BigInt(sampleRateHz) << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | BigInt(samples);
  block.writeBigUInt64BE(format, 18);
  return block;
}

function frame(number: number, channels: number): Buffer {
  // Block size in 16 bits, rate as in the stream; independent channels of 16 bits.
  const header = [0xff, 0xf8, 0x70, ((channels - 1) << 4) | 0x08, ...codedNumber(number)];
  header.push((blockSamples - 1) >> 8, (blockSamples - 1) & 0xff);
  header.push(crc(header, 8, 0x07));
  // A constant subframe and its value, 0, for each channel.
  const body = [...header, ...Array<number>(3 * channels).fill(0)];
  const check = crc(body, 16, 0x8005);
  return Buffer.from([...body, check >> 8, check & 0xff]);
}

/** As UTF-8 codes a character. */
function codedNumber(number: number): number[] {
  return [...Buffer.from(String.fromCodePoint(number < 0xd800 ? number : number + 0x800), 'utf8')];
}

function crc(bytes: readonly number[], bits: 8 | 16, polynomial: number): number {
  const top = 1 << (bits - 1);
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << (bits - 8);
    for (let i = 0; i < 8; i++) value = (value & top ? (value << 1) ^ polynomial : value << 1) & ((1 << bits) - 1);
  }
  return value;
}
