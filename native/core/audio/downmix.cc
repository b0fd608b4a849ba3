#include "core/audio/downmix.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace autobird {

namespace {

/// Both layouts add channels in the same order, so that they give the same bits.
template <class At>
size_t downmix(size_t frames, int channels, float* out, At at) {
  size_t damaged = 0;
  const auto divisor = static_cast<float>(channels);
  for (size_t i = 0; i < frames; ++i) {
    float sum = 0;
    for (int c = 0; c < channels; ++c) {
      const float value = at(i, c);
      const bool sound = std::abs(value) <= largestSample;  // false for NaN
      sum += sound ? value : 0.0f;
      damaged += !sound;
    }
    out[i] = sum / divisor;
  }
  return damaged;
}

/// Looks for damaged samples, then adds: in one loop the compiler vectorises neither. The same bits as `downmix`.
template <class At>
size_t downmixStereo(size_t frames, float* out, At at) {
  constexpr size_t kFramesAtOnce = 2048;  // which stay in the first cache
  size_t damaged = 0;
  for (size_t begin = 0; begin < frames; begin += kFramesAtOnce) {
    const size_t end = std::min(frames, begin + kFramesAtOnce);
    uint32_t found = 0;  // as wide as a sample
    for (size_t i = begin; i < end; ++i) {
      found += !(std::abs(at(i, 0)) <= largestSample);
      found += !(std::abs(at(i, 1)) <= largestSample);
    }
    if (found > 0) {
      damaged += downmix(end - begin, 2, out + begin, [=](size_t i, int c) { return at(begin + i, c); });
    } else {
      for (size_t i = begin; i < end; ++i) out[i] = (0.0f + at(i, 0) + at(i, 1)) / 2;
    }
  }
  return damaged;
}

}  // namespace

size_t downmixInterleaved(const float* samples, size_t frames, int channels, float* out) {
  // Known channel counts let the compiler unroll and vectorise.
  if (channels == 1) return downmix(frames, 1, out, [=](size_t i, int) { return samples[i]; });
  if (channels == 2) return downmixStereo(frames, out, [=](size_t i, int c) { return samples[2 * i + c]; });
  return downmix(frames, channels, out, [=](size_t i, int c) { return samples[i * channels + c]; });
}

size_t pickInterleaved(const float* samples, size_t frames, int channels, int channel, float* out) {
  return downmix(frames, 1, out, [=](size_t i, int) { return samples[i * static_cast<size_t>(channels) + channel]; });
}

size_t downmixPlanar(const float* const* planes, size_t frames, int channels, float* out) {
  const float* const first = planes[0];
  if (channels == 1) return downmix(frames, 1, out, [=](size_t i, int) { return first[i]; });
  const float* const second = planes[1];
  if (channels == 2) return downmixStereo(frames, out, [=](size_t i, int c) { return c == 0 ? first[i] : second[i]; });
  return downmix(frames, channels, out, [=](size_t i, int c) { return planes[c][i]; });
}

}  // namespace autobird
