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
    const float* from = samples + start;
    const size_t length = end - start;
    int16_t* to = encoded.pcm.data() + start;
    float largest = peak(from, static_cast<int64_t>(length));
    std::vector<float> mended;
    if (!std::isfinite(largest)) {
      mended.resize(length);
      std::transform(from, from + length, mended.begin(), sound);
      from = mended.data();
      largest = peak(from, static_cast<int64_t>(length));
    }
    const float scale = largest / 32767.0f;
    // A level so small that the scale is not a normal number is silence.
    const bool silent = !(scale >= 1e-37f);
    encoded.scales.push_back(silent ? 1.0f / 32767.0f : scale);
    const float inverse = silent ? 0.0f : 1.0f / scale;
    for (size_t i = 0; i < length; ++i) {
      const float value = from[i] * inverse;  // at most 32767 and a rounding error, which the half does not reach
      to[i] = static_cast<int16_t>(static_cast<int32_t>(value + std::copysign(0.5f, value)));
    }
  }
  return encoded;
}

}  // namespace autobird
