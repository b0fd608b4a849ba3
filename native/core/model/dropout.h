// Dropout without a generator's state: whether an element is kept follows from (seed, site, index) alone, so that a
// step can be repeated from its number, whatever the threads. On the CPU in f32 and bf16 the backward pass stores no mask
// either: it draws again, or reads from the result what was dropped. Other devices and types store one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace autobird {

/// Hands out a seed of its own to every place of the network that drops something, in the order of the forward pass.
class DropoutSeeds {
 public:
  explicit DropoutSeeds(uint64_t stepSeed) : next_(stepSeed) {}
  uint64_t next();

 private:
  uint64_t next_;
};

/// Mixes two numbers to a well-spread one (splitmix64's finaliser).
uint64_t mixSeeds(uint64_t a, uint64_t b);

/// Zeroes elements with probability p and scales the rest by 1 / (1 - p).
at::Tensor dropout(const at::Tensor& x, double p, uint64_t seed);

/// dropout(relu(x)) in one pass.
at::Tensor reluDropout(const at::Tensor& x, double p, uint64_t seed);

/// (rows, channels) of 0 or 1 / (1 - p): what dropout2d multiplies whole channels by.
at::Tensor channelKeep(int64_t rows, int64_t channels, double p, uint64_t seed, const at::Device& device);

}  // namespace autobird
