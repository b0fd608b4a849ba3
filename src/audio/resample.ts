import { Resampler } from '../../bindings/audio.ts';

/**
 * Pipes mono blocks through the resampler; equal rates pass through. The result does not depend on the size of the blocks,
 * and memory is bounded by them.
 */
export async function* resampled(
  blocks: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  sourceHz: number,
  targetHz: number,
): AsyncGenerator<Float32Array, void, undefined> {
  if (sourceHz === targetHz) {
    yield* blocks;
    return;
  }
  using resampler = new Resampler(sourceHz, targetHz);
  for await (const block of blocks) {
    const ready = await resampler.push(block);
    if (ready.length > 0) yield ready;
  }
  const rest = await resampler.flush();
  if (rest.length > 0) yield rest;
}
