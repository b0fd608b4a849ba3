// Adam and AdamW over LibTorch's fused kernels, gradient clipping, the loss scaler of fp16, the moving average of the
// weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace autobird {

enum class OptimizerKind { adam, adamw };

/// The same fields as `OptimizerOptions` of bindings/native.ts.
struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adamw;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weightDecay = 0;
};

/// Throws `invalid_argument` for another word.
OptimizerKind optimizerKindFromName(const std::string& name);
/// Throws `invalid_argument` for values out of range.
void validate(const OptimizerOptions& options);

struct OptimizerState {
  std::vector<at::Tensor> expAvg;    // one a weight, of its shape
  std::vector<at::Tensor> expAvgSq;  // one a weight, of its shape
  int64_t step = 0;
};

OptimizerState freshState(const std::vector<at::Tensor>& weights);

/// One update of the weights.
void update(const OptimizerOptions& options, OptimizerState& state, const std::vector<at::Tensor>& weights,
            const std::vector<at::Tensor>& gradients, double learningRate);

/// Norm of all gradients as one vector: a scalar on their device.
at::Tensor gradientNorm(const std::vector<at::Tensor>& gradients);

/// Scales gradients of that norm down to `largest` where that is positive and smaller.
void clipGradients(const std::vector<at::Tensor>& gradients, double norm, double largest);

/// What torch.amp.GradScaler does, for fp16: a factor on the loss that halves when a gradient overflows and doubles
/// after 2,000 steps without.
class LossScaler {
 public:
  explicit LossScaler(const at::Device& device);
  at::Tensor scaled(const at::Tensor& loss) const { return loss.mul(scale); }
  /// Divides the gradients; the result (1) is 1 where one of them is not finite.
  at::Tensor unscale(const std::vector<at::Tensor>& gradients) const;
  void adapt(const at::Tensor& foundInf);

  at::Tensor scale;   // (1) float
  at::Tensor growth;  // (1) int: steps since the last change
};

/// average += (value - average) * (1 - d). The decay d is (1 + updates) / (10 + updates), 2 / 11 at the first update,
/// until that reaches `decay`, so that the first average is not the initial weights.
void updateAverage(const std::vector<at::Tensor>& average, const std::vector<at::Tensor>& values, double decay,
                   int64_t updates);

}  // namespace autobird
