// The network in training: weights, optimizer, moving average, and the loader that makes features of later steps
// meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/dataset/clips.h"
#include "core/features/log_mel.h"
#include "core/model/inference.h"
#include "core/model/options.h"
#include "core/model/precision.h"
#include "core/tensor_data.h"
#include "core/training/batch.h"
#include "core/training/loader.h"
#include "core/training/optimizer.h"

namespace autobird {

/// The same fields as `TrainerOptions` of bindings/native.ts.
struct TrainerOptions {
  ModelOptions model;
  FeatureOptions features;
  int64_t classes = 0;
  Normalisation statistics;
  OptimizerOptions optimizer;
  double gradClip = 0;
  double emaDecay = 0;
  uint64_t seed = 0;
  std::string device = "cpu";
  Precision precision = Precision::f32;
  int threads = 1;
  int loaderThreads = 1;
};

struct StepResult {
  double loss = 0;
  int64_t correct = 0;
  int64_t rows = 0;
  double gradNorm = 0;
  bool skipped = false;
  double lossScale = 1;
  double waitMs = 0;
  double computeMs = 0;
};

/// A batch whose features are being made.
struct PendingBatch {
  std::shared_ptr<PendingFeatures> features;
  std::vector<float> target;  // (B, C)
  int64_t rows = 0;
};

class NetworkState;

/// One executor calls it; only `prepare` may be called from another thread.
class Trainer {
 public:
  /// `shards` may be null where only ready features are trained on.
  Trainer(const TrainerOptions& options, std::shared_ptr<const ShardSet> shards);
  ~Trainer();

  /// Checks the plan and queues its features.
  PendingBatch prepare(BatchPlan plan);

  StepResult step(PendingBatch& batch, double learningRate);
  StepResult stepFeatures(std::vector<float> features, std::vector<float> target, int64_t rows, double learningRate);
  /// Gradients of the loss in training mode; neither weights nor statistics change.
  std::vector<TensorData> gradients(std::vector<float> features, std::vector<float> target, int64_t rows);
  /// Scores with the averaged weights, or the current ones where there is no average.
  EngineOutput evaluate(const ClipTable& clips, int64_t batchSize, const Stopping& stopping);

  /// Names and meaning: docs/checkpoint-format.md.
  std::vector<TensorData> exportState(bool withOptimizer);
  /// Takes what `exportState` gave, or only `model.*` to go on from its weights with a fresh optimizer. Tensors of
  /// other kinds (`statistics.*`, `reference.*`) are not the trainer's. Nothing changes when it throws.
  void importState(const std::vector<TensorView>& tensors);

  /// Bytes of weights, gradients, optimizer state and average.
  int64_t heldBytes() const;

 private:
  StepResult stepOn(std::vector<float>& features, const std::vector<float>& target, int64_t rows, double learningRate);

  TrainerOptions options_;
  std::shared_ptr<const ShardSet> shards_;
  LogMel logMel_;
  std::unique_ptr<NetworkState> network_;
  Loader loader_;  // last, so that its threads end first
};

}  // namespace autobird
