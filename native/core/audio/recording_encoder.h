// A recording on its way into a shard: mono samples at the file's rate become int16 blocks at the dataset's, and what is
// learned of the whole on the way. Streaming: memory does not grow with the recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/audio/pcm.h"
#include "core/audio/resample.h"

namespace autobird {

/// Of a whole recording.
struct RecordingLevels {
  int64_t sourceSamples = 0;  // at the file's rate
  int64_t sampleCount = 0;    // at the dataset's
  float peak = 0;             // largest absolute sample at the dataset's rate
  double squares = 0;  // sum of the squared samples at the dataset's rate, in their order; not finite where one is not
};

class RecordingEncoder {
 public:
  /// Throws invalid_argument for rates that Resampler refuses and unless `blockSamples` is positive.
  RecordingEncoder(int64_t sourceHz, int64_t targetHz, int64_t blockSamples);

  void push(const float* samples, size_t count);
  /// No more samples will come.
  void finish();

  /// Samples that `take` would give.
  size_t ready() const { return finished_ ? waiting_.size() : waiting_.size() / block_ * block_; }
  /// All whole blocks so far; once finished, the rest too.
  EncodedPcm take();
  const RecordingLevels& levels() const { return levels_; }

 private:
  std::optional<Resampler> resampler_;  // empty where the rates are equal
  size_t block_;
  std::vector<float> waiting_;
  bool finished_ = false;
  RecordingLevels levels_;
};

}  // namespace autobird
