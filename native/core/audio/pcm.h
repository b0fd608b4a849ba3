// int16 blocks with a float scale each, as shards hold samples (docs/dataset-format.md): value = pcm * scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace autobird {

struct EncodedPcm {
  std::vector<int16_t> pcm;  // (n)
  std::vector<float>
      scales;  // (ceil(n / blockSamples)) largest absolute sample of the block / 32767, 1 / 32767 for silence
};

/// Samples that are not finite become 0. Throws invalid_argument unless blockSamples is positive.
EncodedPcm encodePcm(const float* samples, size_t count, int64_t blockSamples);

}  // namespace autobird
