// From the channels of a recording to the one that everything else works with: their mean, or one of them. On the way it looks at a
// part of the blocks and knows afterwards which channels are dead or only noise, whether they cancel each other, and which one has
// the best signal. What it looks at depends on the position alone, so every decoder comes to the same result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/features/kernels.h"

namespace autobird {

/// The mean, looked at so closely that `best` can be relied on.
constexpr int choosesChannel = -1;

class ChannelMixer {
 public:
  /// `channel`: 0 for the mean, choosesChannel, else the number of the one that is used, counted from 1; a recording of one channel is used as it is.
  ChannelMixer(int channel, double sampleRateHz);

  /// samples: (frames, channels) interleaved; out: (frames). Returns how many samples were damaged (core/audio/downmix.h).
  /// Throws no_such_channel.
  size_t interleaved(const float* samples, size_t frames, int channels, float* out);
  /// planes: one pointer to `frames` samples for each channel.
  size_t planar(const float* const* planes, size_t frames, int channels, float* out);

  /// In sentences without a capital and a full stop; final at the end of the recording.
  std::vector<std::string> notes() const;
  /// The channel (from 1) in which something stands out most from its surroundings: neither a dead nor a purely noisy one where
  /// there is another.
  int best() const;

 private:
  /// Of one channel, over the blocks that were looked at.
  struct Look {
    double squares = 0;                // of samples without their mean
    std::vector<uint32_t> prominence;  // histogram of blocks, see channel_mixer.cc
  };
  enum class State { good, dead, noise };

  template <class At>
  void look(size_t frames, int channels, At at);
  void lookAtBlock();
  void prepare(int channels);
  void use(int channels) const;
  bool usesMean(int channels) const;
  void measure(const float* out, size_t frames);
  double rms(const Look& look) const;
  State stateOf(size_t channel) const;

  int channel_;
  double rateHz_;
  SpectrumPlan plan_;
  std::vector<Look> looks_;                // of each channel; empty for one channel
  std::vector<std::vector<float>> block_;  // (channels, block) being gathered
  size_t gathered_ = 0;
  std::vector<float> scratch_;
  int64_t position_ = 0;    // frames so far
  double looked_ = 0;       // frames that were looked at
  double meanSquares_ = 0;  // of the mean of the channels
  float peak_ = 0;          // of what came out
};

}  // namespace autobird
