/** WAV files written in the test, byte for byte as wanted. */
export interface WavShape {
  readonly form?: 'RIFF' | 'RIFX' | 'RF64' | 'BW64';
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  /** The frames' bytes, as they shall lie in the file. */
  readonly data: Uint8Array;
  /** What the header says instead of the data's length. */
  readonly declared?: number;
  readonly extensible?: boolean;
  readonly before?: readonly Uint8Array[];
  readonly after?: readonly Uint8Array[];
  /** Leave the format chunk until after the data. */
  readonly formatLast?: boolean;
}

export function chunk(id: string, body: Uint8Array, size: number = body.length, bigEndian = false): Uint8Array {
  const out = Buffer.alloc(8 + body.length + (body.length % 2));
  out.write(id, 0, 'latin1');
  if (bigEndian) out.writeUInt32BE(size, 4);
  else out.writeUInt32LE(size, 4);
  out.set(body, 8);
  return out;
}

export function wav(shape: WavShape): Uint8Array {
  const { form = 'RIFF', tag = 1, channels = 1, rate = 16000, bits = 16, data, extensible = false } = shape;
  const big = form === 'RIFX';
  const format = Buffer.alloc(extensible ? 40 : 16);
  const u16 = (value: number, at: number) => (big ? format.writeUInt16BE(value, at) : format.writeUInt16LE(value, at));
  const u32 = (value: number, at: number) => (big ? format.writeUInt32BE(value, at) : format.writeUInt32LE(value, at));
  const align = channels * Math.ceil(bits / 8);
  u16(extensible ? 0xfffe : tag, 0);
  u16(channels, 2);
  u32(rate, 4);
  u32((rate * align) >>> 0, 8);
  u16(align, 12);
  u16(bits, 14);
  if (extensible) {
    u16(22, 16);
    u16(bits, 18);
    u16(tag, 24);
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(format, 26);
  }
  const is64 = form === 'RF64' || form === 'BW64';
  const sizes = Buffer.alloc(28);
  sizes.writeBigUInt64LE(BigInt(shape.declared ?? data.length), 8);
  const fmt = chunk('fmt ', format, format.length, big);
  const samples = chunk('data', data, is64 ? 0xffffffff : (shape.declared ?? data.length), big);
  return Buffer.concat([
    chunk(form, Buffer.from('WAVE'), 0xffffffff, big),
    ...(is64 ? [chunk('ds64', sizes)] : []),
    ...(shape.before ?? []),
    ...(shape.formatLast === true ? [samples, fmt] : [fmt, samples]),
    ...(shape.after ?? []),
  ]);
}

/** Interleaved 16-bit samples from -1..1. */
export function int16(samples: ArrayLike<number>): Uint8Array {
  const out = Buffer.alloc(samples.length * 2);
  for (let i = 0; i < samples.length; i++) out.writeInt16LE(Math.round((samples[i] as number) * 32767), i * 2);
  return out;
}
