// A clip of a longer stretch of samples.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace autobird {

/// `count` samples from `startSample` on; the stretch is zero beyond its ends.
inline void copyStretch(std::span<const float> samples, double startSample, int64_t count, std::vector<float>& out) {
  const auto total = static_cast<int64_t>(samples.size());
  const int64_t start = std::llround(startSample);
  const int64_t begin = std::clamp<int64_t>(start, 0, total);
  const int64_t end = std::clamp<int64_t>(start + count, begin, total);
  out.assign(static_cast<size_t>(count), 0.0F);
  if (begin == end) return;
  std::copy(samples.begin() + begin, samples.begin() + end, out.begin() + (begin - std::min(start, begin)));
}

/// Largest absolute sample; 0 of none.
inline float peakOf(std::span<const float> samples) {
  // Without their sign the bits of floats are in the order of the floats, and of integers the compiler vectorises a maximum.
  uint32_t largest = 0;
  for (const float sample : samples) largest = std::max(largest, std::bit_cast<uint32_t>(sample) & 0x7fffffffU);
  return std::bit_cast<float>(largest);
}

}  // namespace autobird
