#include "core/features/drift.h"

#include <cmath>
#include <cstddef>

#include "core/features/levels.h"
#include "core/features/stretch.h"

namespace autobird {
namespace {

constexpr double kEnergyOffset = 1e-6;

}  // namespace

void driftFeatures(const LogMel& features, const float* power, int frames, float* out) {
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
  for (const auto* values : {&cells, &energy}) {
    const Moments moments = momentsOf(values->data(), static_cast<int64_t>(values->size()));
    *out++ = static_cast<float>(moments.mean);
    *out++ = static_cast<float>(moments.deviation);
  }
}

std::vector<float> driftFeatures(const LogMel& features, std::span<const float> samples,
                                 const std::vector<double>& startSample, int64_t clipSamples) {
  const int frames = features.frames(clipSamples);
  std::vector<float> rows(startSample.size() * kDriftFeatures);
  std::vector<float> clip;
  std::vector<float> power(static_cast<size_t>(features.mels()) * frames);
  for (size_t i = 0; i < startSample.size(); ++i) {
    copyStretch(samples, startSample[i], clipSamples, clip);
    features.melPower(clip.data(), clipSamples, power.data());
    driftFeatures(features, power.data(), frames, &rows[i * kDriftFeatures]);
  }
  return rows;
}

}  // namespace autobird
