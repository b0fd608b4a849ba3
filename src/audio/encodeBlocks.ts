import { RecordingEncoder } from '../../bindings/audio.ts';
import type { EncodedStretch } from '../../bindings/native.ts';

/** {@link AudioSource.encoded} of a source whose blocks are decoded in JavaScript or by another program. */
export async function* encodeBlocks(
  blocks: AsyncIterable<Float32Array>,
  sourceHz: number,
  targetHz: number,
  blockSamples: number,
): AsyncGenerator<EncodedStretch, void, undefined> {
  using encoder = new RecordingEncoder(sourceHz, targetHz, blockSamples);
  for await (const block of blocks) {
    const stretch = await encoder.push(block);
    if (stretch.pcm.length > 0) yield stretch;
  }
  yield await encoder.finish();
}
