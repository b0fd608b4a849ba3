// Weights and everything that moves with them from step to step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/parameters.h"
#include "core/tensor_data.h"
#include "core/training/optimizer.h"
#include "core/training/trainer.h"

namespace autobird {

class NetworkState {
 public:
  /// Initial weights from the seed.
  explicit NetworkState(const TrainerOptions& options);

  /// Forward, backward, clip, update, average. features: (rows, M, T) normalised; target: (rows, C).
  StepResult step(std::vector<float>& features, const std::vector<float>& target, int64_t rows, double learningRate);
  std::vector<TensorData> gradientsOf(std::vector<float>& features, const std::vector<float>& target, int64_t rows);

  std::vector<TensorData> exportState(bool withOptimizer);
  void importState(const std::vector<TensorView>& tensors);

  /// The weights to predict with.
  /// The averaged weights, or the current ones where there is no average.
  const Parameters& evaluated() const { return averaging() ? average_ : current_; }
  const at::Device& device() const { return device_; }
  int64_t heldBytes() const;

 private:
  struct Loss {
    at::Tensor value;   // ()
    at::Tensor logits;  // (B, C)
    at::Tensor target;  // (B, C)
  };

  bool averaging() const { return options_.emaDecay > 0; }
  Loss lossOf(std::vector<float>& features, const std::vector<float>& target, int64_t rows, bool updateStatistics);
  /// The handles that the optimizer and the average work on; again after every change of the parameters.
  void collect();
  std::vector<at::Tensor> takeGradients();

  TrainerOptions options_;
  at::Device device_;
  Parameters current_;
  Parameters average_;
  std::vector<std::string> weightNames_;
  std::vector<at::Tensor> weights_;         // of current_
  std::vector<at::Tensor> values_;          // weights and buffers of current_
  std::vector<at::Tensor> buffers_;         // of current_
  std::vector<at::Tensor> averagedValues_;  // values_ of average_
  OptimizerState optimizer_;
  LossScaler scaler_;
};

}  // namespace autobird
