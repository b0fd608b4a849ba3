#include "core/audio/recording_encoder.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/features/levels.h"

namespace autobird {

RecordingEncoder::RecordingEncoder(int64_t sourceHz, int64_t targetHz, int64_t blockSamples) {
  if (blockSamples < 1) {
    throw invalidArgument("Expected a positive integer for blockSamples but received " + std::to_string(blockSamples));
  }
  if (sourceHz != targetHz) resampler_.emplace(sourceHz, targetHz);
  block_ = static_cast<size_t>(blockSamples);
}

void RecordingEncoder::push(const float* samples, size_t count) {
  levels_.sourceSamples += static_cast<int64_t>(count);
  if (resampler_) {
    resampler_->push(samples, count, waiting_);
  } else {
    waiting_.insert(waiting_.end(), samples, samples + count);
  }
}

void RecordingEncoder::finish() {
  if (resampler_ && !finished_) resampler_->flush(waiting_);
  finished_ = true;
}

EncodedPcm RecordingEncoder::take() {
  const size_t count = ready();
  const EncodedPcm encoded = encodePcm(waiting_.data(), count, static_cast<int64_t>(block_));
  levels_.sampleCount += static_cast<int64_t>(count);
  levels_.peak = std::max(levels_.peak, peak(waiting_.data(), static_cast<int64_t>(count)));
  for (size_t i = 0; i < count; ++i) levels_.squares += static_cast<double>(waiting_[i]) * waiting_[i];
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  return encoded;
}

}  // namespace autobird
