// Channels to mono, whatever decoded them: the mean, or one. (libswresample's own stereo to mono is sqrt(2) louder.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace autobird {

/// Larger samples (full scale is 1) and those that are not finite become 0 and are counted as damaged.
constexpr float largestSample = 1e6f;

/// samples: (frames, channels) interleaved; out: (frames), may be `samples` itself. Returns how many samples were damaged.
size_t downmixInterleaved(const float* samples, size_t frames, int channels, float* out);

/// One channel (from 0) of them.
size_t pickInterleaved(const float* samples, size_t frames, int channels, int channel, float* out);

/// planes: one pointer to `frames` samples for each channel.
size_t downmixPlanar(const float* const* planes, size_t frames, int channels, float* out);

}  // namespace autobird
