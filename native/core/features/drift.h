// What drift detection keeps of a clip: four numbers that move when microphones, gain, weather or species do.
#pragma once

#include "core/features/log_mel.h"

namespace autobird {

/// Deviations are those of the population. Taken before background removal and normalisation, which would hide a drift.
struct DriftFeatures {
  float melMean = 0;  // over all cells of log(power + logOffset)
  float melStd = 0;
  float energyMean = 0;  // over frames, of ln(sum over bands of the mel power + 1e-6)
  float energyStd = 0;
};

constexpr int kDriftFeatures = 4;

/// `power`: (M, T) row-major, as `LogMel::melPower` gives it; at least one frame.
DriftFeatures driftFeatures(const LogMel& features, const float* power, int frames);

}  // namespace autobird
