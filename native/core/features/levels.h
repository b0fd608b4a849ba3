// Levels of a stretch of samples and the spread of a spectrogram, summed in double precision.
#pragma once

#include <cstdint>

namespace autobird {

/// Root mean square; 0 for no samples.
double rms(const float* samples, int64_t n);

/// Largest absolute sample; 0 for no samples.
float peak(const float* samples, int64_t n);

/// Population standard deviation over all values; 0 for none.
double standardDeviation(const float* values, int64_t n);

}  // namespace autobird
