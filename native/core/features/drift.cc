#include "core/features/drift.h"

#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

namespace autobird {
namespace {

constexpr double kEnergyOffset = 1e-6;

// Two passes: the difference of two large sums would leave a steady sound some deviation.
std::pair<float, float> meanAndDeviation(const std::vector<float>& values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const float value : values) sum += value;
  const double mean = sum / count;
  double squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return {static_cast<float>(mean), static_cast<float>(std::sqrt(squares / count))};
}

}  // namespace

DriftFeatures driftFeatures(const LogMel& features, const float* power, int frames) {
  thread_local std::vector<float> cells;
  thread_local std::vector<float> energy;
  cells.assign(power, power + static_cast<size_t>(features.mels()) * frames);
  energy.assign(frames, 0.0F);
  for (int band = 0; band < features.mels(); ++band) {
    const float* row = power + static_cast<size_t>(band) * frames;
    for (int f = 0; f < frames; ++f) energy[f] += row[f];
  }
  for (float& value : energy) value = static_cast<float>(std::log(value + kEnergyOffset));
  features.logarithm(cells.data(), cells.size());
  DriftFeatures result;
  std::tie(result.melMean, result.melStd) = meanAndDeviation(cells);
  std::tie(result.energyMean, result.energyStd) = meanAndDeviation(energy);
  return result;
}

}  // namespace autobird
