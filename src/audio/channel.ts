import type { AudioSource, RouteInput } from './AudioSource.ts';
import type { Channel } from './channelSchema.ts';

/** The number that decoders take: 0 for the mean, and for `best` until it is known. */
export function channelNumber(channel: Channel): number {
  if (typeof channel === 'number') return channel;
  return { mean: 0, best: 0, left: 1, right: 2 }[channel];
}

/** As in native/core/audio/channel_mixer.h. */
const choosesChannel = -1;

/**
 * Reads the recording once to find out which channel has the best signal, and opens it again for that one. A recording of one
 * channel is not read twice.
 */
export async function openBestChannel(
  open: (input: RouteInput) => Promise<AudioSource>,
  input: RouteInput,
): Promise<AudioSource> {
  const all = await open({ ...input, channel: choosesChannel, readAhead: null });
  let best: number;
  try {
    if (all.info.channels > 1) for await (const _ of all.blocks()) input.signal?.throwIfAborted();
    best = all.bestChannel;
  } finally {
    await all.close();
  }
  return await open({ ...input, channel: best });
}
