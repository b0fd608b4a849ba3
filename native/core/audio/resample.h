// Windowed-sinc polyphase resampling as torchaudio.functional.resample does it by default (sinc_interp_hann,
// lowpass_filter_width 6, rolloff 0.99): output length ceil(target * n / source), zeros beyond both ends. The taps are those of
// torchaudio in double precision; with float32 input it computes them in single precision and is off by up to 1e-5 itself.
// Streaming: the output does not depend on how the input was cut into blocks, bit for bit, and memory does not grow with
// its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/features/simd.h"

namespace autobird {

class Resampler {
 public:
  /// Throws invalid_argument unless both rates are 1..100,000,000 and their ratio is at most 2,048 either way.
  Resampler(int64_t sourceHz, int64_t targetHz, Isa isa = bestIsa());

  /// Appends to `out` every sample at the target rate that is known now. Samples must be finite.
  void push(const float* samples, size_t count, std::vector<float>& out);

  /// Appends what is left and starts again: the next push begins another signal.
  void flush(std::vector<float>& out);

  /// The kernel table interpolates between phases, because one row for each phase would be too large.
  bool interpolates() const { return interpolates_; }
  /// Floats in the kernel table.
  size_t tableSize() const { return table_.size(); }

 private:
  /// Outputs up to number `total` for which there is input.
  void produce(int64_t total, std::vector<float>& out);
  void begin();

  Isa isa_;
  int64_t source_, target_;  // divided by their greatest common divisor
  int64_t half_ = 0;         // taps on either side of the centre
  int stride_ = 0;           // taps of a row, padded with zeros to whole vectors
  bool interpolates_ = false;
  int64_t phases_ = 0;        // rows of the table, less one when interpolating
  std::vector<float> table_;  // (rows, stride)

  std::vector<float> input_;  // samples from inputStart_ on
  int64_t inputStart_ = 0;
  int64_t received_ = 0;
  int64_t produced_ = 0;
  int64_t centre_ = 0;     // floor(produced_ * source_ / target_)
  int64_t remainder_ = 0;  // the rest of that division
  int64_t phase_ = 0;      // produced_ mod target_
};

/// The whole of a signal at once.
std::vector<float> resample(const float* samples, size_t count, int64_t sourceHz, int64_t targetHz);

}  // namespace autobird
