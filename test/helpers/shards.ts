/** Shards of synthetic recordings, for tests that need samples on disk. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordingEncoder, type ShardEntry } from '../../bindings/index.ts';
import { formulaValues } from './modelFormula.ts';

/** Writes samples and scales one after the other, which is all a shard needs to be read. */
export async function writeShard(
  dir: string,
  name: string,
  samples: Float32Array,
  blockSamples: number,
): Promise<ShardEntry> {
  using encoder = new RecordingEncoder(blockSamples, blockSamples, blockSamples);
  const whole = encoder.push(samples);
  const rest = await encoder.finish();
  const pcm = Int16Array.from([...(await whole).pcm, ...rest.pcm]);
  const scales = Float32Array.from([...(await whole).scales, ...rest.scales]);
  const header = 16;
  const scaleOffset = header + pcm.byteLength + (pcm.byteLength % 4);
  const bytes = new Uint8Array(scaleOffset + scales.byteLength);
  bytes.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), header);
  bytes.set(new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength), scaleOffset);
  const path = join(dir, name);
  await writeFile(path, bytes);
  return { path, pcmOffset: header, scaleOffset, sampleCount: samples.length, blockSamples };
}

/** A steady tone of its own pitch, quiet noise, and every second a chirp. */
export function recordingOf(index: number, seconds: number, sampleRateHz: number): Float32Array {
  const noise = formulaValues(50 + index, seconds * sampleRateHz);
  const pitchHz = 400 * (index + 1);
  return noise.map((value, i) => {
    const t = i / sampleRateHz;
    const chirp = t % 1 < 0.2 ? 0.4 * Math.sin(2 * Math.PI * (1000 + 2000 * (t % 1)) * t) : 0;
    return 0.02 * value + 0.1 * Math.sin(2 * Math.PI * pitchHz * t) + chirp;
  });
}
