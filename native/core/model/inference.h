// The one way from features to scores: validation, evaluation and serving all come through here.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/fused_stem.h"
#include "core/model/network.h"
#include "core/model/precision.h"

namespace autobird {

/// What is computed of a clip only on request.
struct Wanted {
  bool embeddings = false;
  bool driftFeatures = false;
};

struct EngineOutput {
  std::vector<float> logits;         // (N, C)
  std::vector<float> activity;       // (N)
  std::vector<float> peak;           // (N) largest absolute sample; NaN where only features were given
  std::vector<float> driftFeatures;  // (N, 4) see features/drift.h, empty unless wanted
  std::vector<float> embeddings;     // (N, D), empty unless wanted
};

/// Scores `rows` rows of normalised features (rows, M, T) in inference mode and appends them to `output`.
void infer(const Parameters& parameters, const ModelOptions& options, const at::Device& device, Precision precision,
           std::vector<float>& features, int64_t rows, int64_t mels, bool embeddings, EngineOutput& output);

/// The same with a stem that was prepared for it; as above where `stem` is null.
void infer(const Parameters& parameters, const FusedStem* stem, const ModelOptions& options, const at::Device& device,
           Precision precision, std::vector<float>& features, int64_t rows, int64_t mels, bool embeddings,
           EngineOutput& output);

}  // namespace autobird
