#include "core/training/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace autobird {
namespace {

constexpr double kInitialScale = 65536;
constexpr int64_t kGrowthInterval = 2000;

}  // namespace

OptimizerKind optimizerKindFromName(const std::string& name) {
  if (name == "adam") return OptimizerKind::adam;
  if (name == "adamw") return OptimizerKind::adamw;
  throw invalidArgument("Expected adam or adamw for optimizer.kind but received \"" + name + "\"");
}

void validate(const OptimizerOptions& options) {
  auto require = [](bool good, const std::string& what, const std::string& name, double value) {
    if (!good)
      throw invalidArgument("Expected " + what + " for optimizer." + name + " but received " + numberText(value));
  };
  require(options.beta1 >= 0 && options.beta1 < 1, "a number from 0 to below 1", "beta1", options.beta1);
  require(options.beta2 >= 0 && options.beta2 < 1, "a number from 0 to below 1", "beta2", options.beta2);
  require(options.eps > 0 && std::isfinite(options.eps), "a positive number", "eps", options.eps);
  require(options.weightDecay >= 0 && std::isfinite(options.weightDecay), "a number not below 0", "weightDecay",
          options.weightDecay);
}

OptimizerState freshState(const std::vector<at::Tensor>& weights) {
  OptimizerState state;
  for (const at::Tensor& weight : weights) {
    state.expAvg.push_back(at::zeros_like(weight));
    state.expAvgSq.push_back(at::zeros_like(weight));
  }
  return state;
}

void update(const OptimizerOptions& options, OptimizerState& state, const std::vector<at::Tensor>& weights,
            const std::vector<at::Tensor>& gradients, double learningRate) {
  ++state.step;
  // The kernels want a counter a weight; all are the same number.
  const at::Tensor step =
      at::full({}, static_cast<double>(state.step), weights.front().options().dtype(at::kFloat).requires_grad(false));
  const std::vector<at::Tensor> steps(weights.size(), step);
  if (options.kind == OptimizerKind::adam) {
    at::_fused_adam_(weights, gradients, state.expAvg, state.expAvgSq, {}, steps, learningRate, options.beta1,
                     options.beta2, options.weightDecay, options.eps, /*amsgrad=*/false, /*maximize=*/false);
  } else {
    at::_fused_adamw_(weights, gradients, state.expAvg, state.expAvgSq, {}, steps, learningRate, options.beta1,
                      options.beta2, options.weightDecay, options.eps, /*amsgrad=*/false, /*maximize=*/false);
  }
}

at::Tensor gradientNorm(const std::vector<at::Tensor>& gradients) {
  return at::stack(at::_foreach_norm(gradients, 2)).norm();
}

void clipGradients(const std::vector<at::Tensor>& gradients, double norm, double largest) {
  const double factor = largest / (norm + 1e-6);  // as torch.nn.utils.clip_grad_norm_
  if (largest > 0 && factor < 1) at::_foreach_mul_(gradients, factor);
}

LossScaler::LossScaler(const at::Device& device)
    : scale(at::full({1}, kInitialScale, at::TensorOptions(device).dtype(at::kFloat))),
      growth(at::zeros({1}, at::TensorOptions(device).dtype(at::kInt))) {}

at::Tensor LossScaler::unscale(const std::vector<at::Tensor>& gradients) const {
  at::Tensor foundInf = at::zeros({1}, scale.options());
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, foundInf, scale.reciprocal());
  return foundInf;
}

void LossScaler::adapt(const at::Tensor& foundInf) {
  at::_amp_update_scale_(scale, growth, foundInf, 2.0, 0.5, kGrowthInterval);
}

void updateAverage(const std::vector<at::Tensor>& average, const std::vector<at::Tensor>& values, double decay,
                   int64_t updates) {
  const double warm = static_cast<double>(1 + updates) / static_cast<double>(10 + updates);
  at::_foreach_lerp_(average, values, 1 - std::min(decay, warm));
}

}  // namespace autobird
