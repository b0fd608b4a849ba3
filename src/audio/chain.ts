import { AudioError } from '../../bindings/errors.ts';
import type { ByteRange } from '../../bindings/native.ts';
import type { AudioSource, RouteInput } from './AudioSource.ts';
import { blockSource } from './blockSource.ts';
import { durationGuard } from './limits.ts';
import { resampled } from './resample.ts';

/**
 * Recordings that lie behind one another in a file (chained Ogg, joined FLAC files) as one, at the rate of the first. Each is
 * decoded on its own, so that every decoder gives the same.
 */
export async function openChain(
  open: (input: RouteInput) => Promise<AudioSource>,
  input: RouteInput,
  parts: readonly ByteRange[],
): Promise<AudioSource> {
  const openPart = (range: ByteRange) => open({ ...input, range, readAhead: null });
  const first = await openPart(parts[0] as ByteRange);
  const { sampleRateHz } = first.info;
  const notes: string[] = [`the file holds ${parts.length} recordings one behind the other: they are read as one`];
  const done: AudioSource[] = [first];
  const guard = durationGuard(input.limits, sampleRateHz);
  async function* blocks(): AsyncGenerator<Float32Array, void, undefined> {
    for (const [i, range] of parts.entries()) {
      try {
        const part = i === 0 ? first : await openPart(range);
        if (i > 0) done.push(part);
        const hz = part.info.sampleRateHz;
        if (hz !== sampleRateHz)
          notes.push(`recording ${i + 1} of them has ${hz} Hz and is resampled to ${sampleRateHz} Hz`);
        for await (const block of resampled(part.blocks(), hz, sampleRateHz)) {
          guard(block.length);
          yield block;
        }
      } catch (error) {
        input.signal?.throwIfAborted();
        if (i === 0 || !(error instanceof AudioError) || error.code === 'too_long') throw error;
        notes.push(`recording ${i + 1} of them could not be read and is left out (${error.message})`);
      } finally {
        await done.at(-1)?.close();
      }
    }
  }
  return blockSource({
    info: { ...first.info, declaredDurationS: null },
    blocks: blocks(),
    state: () => ({
      damaged: done.reduce((sum, part) => sum + part.damaged, 0),
      truncated: done.some((part) => part.truncated),
      notes: [...notes, ...new Set(done.flatMap((part) => part.notes))],
      bestChannel: first.bestChannel,
    }),
    close: async () => {
      for (const part of done) await part.close();
    },
  });
}
