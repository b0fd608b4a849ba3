#include "core/audio/pcm.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/features/levels.h"

namespace autobird {
namespace {

float sound(float sample) { return std::isfinite(sample) ? sample : 0.0F; }

}  // namespace

EncodedPcm encodePcm(const float* samples, size_t count, int64_t blockSamples) {
  if (blockSamples < 1) {
    throw invalidArgument("Expected a positive integer for blockSamples but received " + std::to_string(blockSamples));
  }
  EncodedPcm encoded;
  encoded.pcm.resize(count);
  const auto block = static_cast<size_t>(blockSamples);
  encoded.scales.reserve(count / block + 1);
  for (size_t start = 0; start < count; start += block) {
    const size_t end = std::min(count, start + block);
    float largest = peak(samples + start, static_cast<int64_t>(end - start));
    if (!std::isfinite(largest)) {
      largest = 0;
      for (size_t i = start; i < end; ++i) largest = std::max(largest, std::abs(sound(samples[i])));
    }
    const float scale = largest / 32767.0f;
    // A level so small that the scale is not a normal number is silence.
    const bool silent = !(scale >= 1e-37f);
    encoded.scales.push_back(silent ? 1.0f / 32767.0f : scale);
    const float inverse = silent ? 0.0f : 1.0f / scale;
    for (size_t i = start; i < end; ++i) {
      const float value = std::clamp(sound(samples[i]) * inverse, -32767.0f, 32767.0f);
      encoded.pcm[i] = static_cast<int16_t>(value + (value < 0 ? -0.5f : 0.5f));
    }
  }
  return encoded;
}

}  // namespace autobird
