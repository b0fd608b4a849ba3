import { AudioError } from '../../bindings/errors.ts';
import type { DecodeLimits, EncodedWhole } from '../../bindings/native.ts';
import type { Channel } from '../audio/channelSchema.ts';
import { openAudio } from '../audio/openAudio.ts';
import { warningsOf } from '../audio/warnings.ts';
import { readSafetensorsHeader, SafetensorsWriter } from '../safetensors.ts';
import { decode, encode } from '../schema/case.ts';
import { type ShardRecording, shardFormatVersion, shardRecordingSchema } from './datasetFiles.ts';
import { recordedAtFromTags } from './recordedAt.ts';

/**
 * Decodes one file into a shard, a few seconds at a time, and gives the facts of the recording. The shard appears complete or
 * not at all.
 *
 * @throws AudioError with the reason why the file is no recording; AutobirdError `disk_full`, `not_writable`
 */
export async function decodeRecording(
  path: string,
  shard: string,
  sampleRateHz: number,
  options: { readonly limits: DecodeLimits; readonly channel: Channel; readonly signal: AbortSignal },
): Promise<ShardRecording> {
  const source = await openAudio(path, options);
  try {
    const { info } = source;
    const writer = await SafetensorsWriter.create(shard);
    try {
      const scales: Float32Array[] = [];
      let summary: EncodedWhole | null = null;
      await writer.begin('pcm', 'I16');
      for await (const stretch of source.encoded(sampleRateHz, sampleRateHz)) {
        options.signal.throwIfAborted();
        await writer.append(bytesOf(stretch.pcm));
        scales.push(stretch.scales);
        summary = stretch.whole;
      }
      const { audioHash, sourceSamples, sampleCount, peak, squares } = summary as unknown as EncodedWhole;
      if (!Number.isFinite(squares)) {
        throw new AudioError('not_finite', 'It holds samples that are not finite numbers: export it again');
      }
      if (sampleCount === 0) throw new AudioError('no_samples', 'It is an audio file, but holds not a single sample');
      writer.end();
      const scale = Buffer.concat(scales.map(bytesOf));
      await writer.add({ name: 'scale', dtype: 'F32', shape: [scale.byteLength / 4], data: scale });
      const recording: ShardRecording = {
        audioHash,
        durationS: sourceSamples / info.sampleRateHz,
        sampleRateHz: info.sampleRateHz,
        channels: info.channels,
        codec: info.codec,
        decoder: info.decoder,
        recordedAt: recordedAtFromTags(info.tags),
        peak,
        rms: Math.sqrt(squares / sampleCount),
        sampleCount,
        warnings: warningsOf(source),
      };
      await writer.finish({
        format: 'autobird-shard',
        format_version: String(shardFormatVersion),
        block_samples: String(sampleRateHz),
        recording: JSON.stringify(encode(shardRecordingSchema, recording)),
      });
      return recording;
    } finally {
      await writer.discard();
    }
  } finally {
    await source.close();
  }
}

/** The facts in a finished shard; null where there is none that can be used. */
export async function readShardRecording(shard: string, sampleRateHz: number): Promise<ShardRecording | null> {
  try {
    const { metadata, tensors } = await readSafetensorsHeader(shard);
    const { format, format_version: version, block_samples: blockSamples, recording = '' } = metadata;
    if (format !== 'autobird-shard' || version !== String(shardFormatVersion)) return null;
    if (blockSamples !== String(sampleRateHz)) return null;
    const known = decode(shardRecordingSchema, JSON.parse(recording), shard);
    const pcm = tensors.find((tensor) => tensor.name === 'pcm');
    return pcm?.byteLength === 2 * known.sampleCount ? known : null;
  } catch {
    // Missing, damaged or of another version: all are mended by decoding again.
    return null;
  }
}

function bytesOf(array: Int16Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
