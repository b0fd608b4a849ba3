import { AudioError } from '../../bindings/errors.ts';
import type { DecodeLimits } from '../../bindings/native.ts';

/** Those of configs/data: 32 channels, 768 kHz, a day. */
export const defaultDecodeLimits: DecodeLimits = { maxChannels: 32, maxSampleRateHz: 768_000, maxDurationS: 86_400 };

/** What a configuration allows a decoder, when it prepares and when it predicts. */
export function decodeLimits({ maxChannels, maxSampleRateHz, maxDurationS }: DecodeLimits): DecodeLimits {
  return { maxChannels, maxSampleRateHz, maxDurationS };
}

const minSampleRateHz = 100;

/** As `checkLimits` of native/core/audio/decoder.cc, for decoders that run in JavaScript. */
export function checkLimits(limits: DecodeLimits, channels: number, sampleRateHz: number): void {
  if (channels < 1) {
    throw new AudioError('unreadable', 'The header says that there are no channels: the file is damaged');
  }
  if (channels > limits.maxChannels) {
    throw new AudioError(
      'too_many_channels',
      `The file has ${channels} channels, at most ${limits.maxChannels} are allowed: export the channels you need, or raise the limit`,
    );
  }
  if (!(sampleRateHz >= minSampleRateHz) || sampleRateHz > limits.maxSampleRateHz) {
    throw new AudioError(
      'bad_rate',
      `The file's sample rate is ${sampleRateHz} Hz, allowed are ${minSampleRateHz} to ${limits.maxSampleRateHz} Hz: the header is wrong, or raise the limit`,
    );
  }
}

/** Counts decoded samples against the limit; returns what throws `too_long`. */
export function durationGuard(limits: DecodeLimits, sampleRateHz: number): (samples: number) => void {
  const most = limits.maxDurationS * sampleRateHz;
  let total = 0;
  return (samples) => {
    total += samples;
    if (total > most) {
      throw new AudioError(
        'too_long',
        `The recording is longer than ${limits.maxDurationS} s: cut it into shorter files, or raise the limit`,
      );
    }
  };
}
