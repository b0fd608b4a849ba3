// Levels of a stretch of samples and the spread of a spectrogram, summed in double precision.
#pragma once

#include <cstdint>

namespace autobird {

/// Root mean square; 0 for no samples.
double rms(const float* samples, int64_t n);

/// Largest absolute sample; 0 for no samples.
float peak(const float* samples, int64_t n);

struct Moments {
  double mean = 0;
  double deviation = 0;
};

/// Mean and population standard deviation over all values; 0 for none. In two passes: the difference of two large sums would
/// leave a steady sound some deviation.
Moments momentsOf(const float* values, int64_t n);

}  // namespace autobird
