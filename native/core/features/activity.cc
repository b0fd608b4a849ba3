#include "core/features/activity.h"

#include <algorithm>
#include <vector>

#include "core/features/kernels.h"

namespace autobird {

void activityProfile(const LogMel& features, const float* logMel, int frames, int framesPerStep, float* out) {
  const Kernels& kernel = kernels(bestIsa());
  const int steps = (frames + framesPerStep - 1) / framesPerStep;
  std::vector<double> sums(steps, 0.0);
  std::vector<int32_t> keys(static_cast<size_t>(frames) + 64);
  int bands = 0;
  for (int band = 0; band < features.mels(); ++band) {
    if (features.bandCentreHz(band) <= activityFloorHz) continue;
    ++bands;
    const float* row = logMel + static_cast<size_t>(band) * frames;
    const float median = kernel.median(row, frames, keys.data());
    for (int step = 0; step < steps; ++step) {
      const int first = step * framesPerStep;
      sums[step] += kernel.sumAbove(row + first, std::min(framesPerStep, frames - first), median);
    }
  }
  for (int step = 0; step < steps; ++step) {
    const int count = std::min(framesPerStep, frames - step * framesPerStep);
    out[step] = bands == 0 ? 0.0f : static_cast<float>(sums[step] / (static_cast<double>(bands) * count));
  }
}

float clipActivity(const LogMel& features, const float* logMel, int frames) {
  float activity = 0;
  activityProfile(features, logMel, frames, frames, &activity);
  return activity;
}

}  // namespace autobird
