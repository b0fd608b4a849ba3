// One training batch: what was drawn for each row, and the features that follow from it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/dataset/clips.h"
#include "core/dataset/shard_set.h"
#include "core/features/log_mel.h"

namespace autobird {

/// The same fields as `BatchPlan` of bindings/native.ts: everything random is drawn already, this is arithmetic.
struct BatchPlan {
  std::vector<int32_t> recording;   // (B)
  std::vector<double> startSample;  // (B)
  int64_t clipSamples = 0;
  std::vector<float> gain;             // (B)
  std::vector<int32_t> mixRecording;   // (B), -1 for none
  std::vector<double> mixStartSample;  // (B)
  std::vector<float> mixRatio;         // (B)
  std::vector<float> noiseSnrDb;       // (B), NaN for none
  std::vector<uint32_t> noiseSeed;     // (B)
  std::vector<float> filterDb;         // (B, K), empty for none
  std::vector<int32_t> bandMasks;      // (B, 2 * masks): start and width
  std::vector<int32_t> frameMasks;     // (B, 2 * masks)
  std::vector<float> target;           // (B, C)

  int64_t rows() const { return static_cast<int64_t>(recording.size()); }
};

/// Throws `invalid_argument` where lengths differ or a value cannot be meant.
void validate(const BatchPlan& plan, const ShardSet& shards, int64_t classes);

/// Mean and standard deviation a band, as the checkpoint keeps them.
struct Normalisation {
  std::vector<float> mean;  // (M)
  std::vector<float> std;   // (M)

  /// In place: (x - mean) / std a band. features: (M, T)
  void apply(float* features, int64_t frames) const;
};

/// Throws `invalid_argument` unless both have a finite value, std a positive one, for each of `mels` bands.
void validate(const Normalisation& normalisation, int mels);

/// The normalised, augmented features of one row. out: (M, T)
void makeRow(const ShardSet& shards, const LogMel& logMel, const Normalisation& normalisation, const BatchPlan& plan,
             int64_t row, float* out);

}  // namespace autobird
