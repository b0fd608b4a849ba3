// A network that only predicts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/features/log_mel.h"
#include "core/model/inference.h"
#include "core/model/options.h"
#include "core/model/precision.h"
#include "core/tensor_data.h"
#include "core/training/batch.h"

namespace autobird {

/// The same fields as `EngineOptions` of bindings/native.ts.
struct EngineOptions {
  ModelOptions model;
  FeatureOptions features;
  int64_t classes = 0;
  Normalisation statistics;
  std::string device = "cpu";
  Precision precision = Precision::f32;
  int threads = 1;
};

/// Not thread-safe: one executor calls it.
class Engine {
 public:
  /// Throws `invalid_argument` or `damaged_checkpoint`.
  Engine(const EngineOptions& options, const std::vector<TensorData>& tensors);

  /// Clips of one stretch of samples at the model's rate; the stretch is zero beyond its ends. Clips are taken a few at
  /// a time, so memory does not grow with their number; each one's scores do not depend on the others (1e-5 in f32).
  EngineOutput forwardPcm(const std::vector<float>& samples, const std::vector<double>& startSample,
                          int64_t clipSamples, bool embeddings, const std::function<bool()>& stopping);

  /// Ready, normalised features (rows, M, T). `activity` of the result is 0: it cannot be told from them.
  EngineOutput forwardFeatures(std::vector<float> features, int64_t rows, bool embeddings);

  /// Bytes of the weights.
  int64_t heldBytes() const;

 private:
  EngineOptions options_;
  LogMel logMel_;
  at::Device device_;
  Parameters parameters_;
};

}  // namespace autobird
