// A network that only predicts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
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

/// One clip: where it begins in a stretch of samples, which is zero beyond its ends.
struct ClipSource {
  std::span<const float> samples;
  double startSample = 0;
};

/// Rows [`from`, `from + count`) of `source` to the rows of `target` that begin at `to`; what only some want where both
/// have it.
void copyRows(const EngineOutput& source, int64_t from, int64_t count, EngineOutput& target, int64_t to);

/// `forwardPcm` and `forwardFeatures` are for one executor; the const members may be called from several threads.
class Engine {
 public:
  /// Throws `invalid_argument` or `damaged_checkpoint`.
  Engine(const EngineOptions& options, const std::vector<TensorView>& tensors);

  /// Clips of one stretch of samples at the model's rate; the stretch is zero beyond its ends. Clips are taken a few at
  /// a time, so memory does not grow with their number; each one's scores do not depend on the others (1e-5 in f32).
  EngineOutput forwardPcm(std::span<const float> samples, const std::vector<double>& startSample, int64_t clipSamples,
                          Wanted wanted, const std::function<bool()>& stopping);

  /// Ready, normalised features (rows, M, T). `activity` of the result is 0: it cannot be told from them.
  EngineOutput forwardFeatures(std::vector<float> features, int64_t rows, bool embeddings);

  /// Scores clips of any stretches with as many threads as the calling one was given (`at::set_num_threads`).
  EngineOutput scoreClips(const std::vector<ClipSource>& clips, int64_t clipSamples, Wanted wanted) const;

  /// Throws `invalid_argument` for starts or a length that cannot be scored.
  void checkClips(const std::vector<double>& startSample, int64_t clipSamples) const;

  /// The output of so many clips, to be filled by `copyRows`.
  EngineOutput emptyOutput(int64_t clips, Wanted wanted) const;

  /// Bytes of the weights.
  int64_t heldBytes() const;

 private:
  /// The features of one clip (M * frames) into `out`, its activity and, where wanted, drift features into
  /// row `row` of `output`.
  void features(const ClipSource& clip, int64_t clipSamples, int frames, float* out, int64_t row,
                EngineOutput& output) const;

  EngineOptions options_;
  LogMel logMel_;
  at::Device device_;
  Parameters parameters_;
  std::shared_ptr<const FusedStem> stem_;  // null where the network has none of that form
};

}  // namespace autobird
