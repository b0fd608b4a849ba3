// What drift detection keeps of a clip: four numbers that move when microphones, gain, weather or species do.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/features/log_mel.h"

namespace autobird {

/// In this order: mean and deviation over all cells of log(power + logOffset), then over frames of
/// ln(sum over bands of the mel power + 1e-6). Deviations are those of the population. Taken before background removal and
/// normalisation, which would hide a drift.
constexpr int kDriftFeatures = 4;

/// Of one clip. `power`: (M, T) row-major, as `LogMel::melPower` gives it; at least one frame. out: (4)
void driftFeatures(const LogMel& features, const float* power, int frames, float* out);

/// (N, 4) of clips of one stretch of samples, which is zero beyond its ends.
std::vector<float> driftFeatures(const LogMel& features, std::span<const float> samples,
                                 const std::vector<double>& startSample, int64_t clipSamples);

}  // namespace autobird
