#include "core/training/network_state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "core/model/network.h"
#include "core/model/tensors.h"
#include "core/runtime.h"

namespace autobird {
namespace {

// So that a network and its dropout never share numbers.
constexpr uint64_t kDropoutStream = 0xd509;

// About thirty steps in a row overflowed: it is not the loss scale then, and every further step would be skipped as well.
constexpr double kSmallestScale = 1e-4;

// Batch norm moves its running statistics in the forward pass, before it is known whether the step is good. One that
// overflowed would leave NaN in them for ever, so they go back unless `commit` is called.
class BufferGuard {
 public:
  explicit BufferGuard(const std::vector<at::Tensor>& buffers) : buffers_(buffers) {
    for (const at::Tensor& buffer : buffers) before_.push_back(buffer.clone());
  }
  ~BufferGuard() {
    if (committed_) return;
    try {
      for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(before_[i]);
    } catch (const std::exception&) {  // the device itself failed, which is being reported already
    }
  }
  BufferGuard(const BufferGuard&) = delete;
  BufferGuard& operator=(const BufferGuard&) = delete;
  void commit() { committed_ = true; }

 private:
  const std::vector<at::Tensor>& buffers_;
  std::vector<at::Tensor> before_;
  bool committed_ = false;
};

Error diverged(int64_t steps) {
  return Error("diverged", "Loss or gradients are no longer finite after " + std::to_string(steps) +
                               " steps: lower optimizer.lr, or set training.grad_clip");
}

bool anyWithPrefix(const std::vector<TensorView>& tensors, const std::string& prefix) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const TensorView& data) { return data.name.rfind(prefix, 0) == 0; });
}

}  // namespace

NetworkState::NetworkState(const TrainerOptions& options)
    : options_(options), device_(requireDevice(options.device)), scaler_(device_) {
  const Parameters initial = initialParameters(options.model, options.classes, options.seed);
  current_ = copyParameters(initial, options.model, device_, /*trainable=*/true);
  if (averaging()) average_ = copyParameters(initial, options.model, device_, /*trainable=*/false);
  collect();
  optimizer_ = freshState(weights_);
}

void NetworkState::collect() {
  weightNames_.clear();
  weights_.clear();
  values_.clear();
  buffers_.clear();
  averagedValues_.clear();
  forEachTensor(current_, options_.model, [&](const std::string& name, at::Tensor& tensor, TensorKind kind) {
    values_.push_back(tensor);
    if (kind == TensorKind::buffer) {
      buffers_.push_back(tensor);
      return;
    }
    weightNames_.push_back(name);
    weights_.push_back(tensor);
  });
  if (!averaging()) return;
  forEachTensor(average_, options_.model,
                [&](const std::string&, at::Tensor& tensor, TensorKind) { averagedValues_.push_back(tensor); });
}

NetworkState::Loss NetworkState::lossOf(std::vector<float>& features, const std::vector<float>& target, int64_t rows,
                                        bool updateStatistics) {
  const int64_t mels = options_.features.nMels;
  if (rows < 1 || features.empty() || features.size() % static_cast<size_t>(rows * mels) != 0) {
    throw invalidArgument("Expected rows * " + std::to_string(mels) +
                          " bands * frames values for features but received " + std::to_string(features.size()) +
                          " values for " + std::to_string(rows) + " rows");
  }
  if (target.size() != static_cast<size_t>(rows * options_.classes)) {
    throw invalidArgument("Expected rows * classes = " + std::to_string(rows * options_.classes) +
                          " values for target but received " + std::to_string(target.size()));
  }
  // A backward pass that failed half-way, for lack of memory say, has left some; this step's would be added to them.
  for (at::Tensor& weight : weights_) weight.mutable_grad() = at::Tensor();
  const int64_t frames = static_cast<int64_t>(features.size()) / (rows * mels);
  const at::Tensor x = at::from_blob(features.data(), {rows, mels, frames}, at::kFloat).to(device_);
  Loss loss;
  loss.target = at::from_blob(const_cast<float*>(target.data()), {rows, options_.classes}, at::kFloat).to(device_);
  ForwardMode mode;
  mode.training = true;
  mode.updateStatistics = updateStatistics;
  mode.dropoutSeed = mixSeeds(mixSeeds(options_.seed, kDropoutStream), static_cast<uint64_t>(optimizer_.step));
  {
    const AutocastScope autocast(device_, options_.precision);
    loss.logits = forward(current_, options_.model, x, mode).logits;
  }
  loss.value = softCrossEntropy(loss.logits, loss.target);
  return loss;
}

std::vector<at::Tensor> NetworkState::takeGradients() {
  std::vector<at::Tensor> gradients;
  gradients.reserve(weights_.size());
  for (at::Tensor& weight : weights_) {
    gradients.push_back(weight.grad());
    weight.mutable_grad() = at::Tensor();
  }
  return gradients;
}

StepResult NetworkState::step(std::vector<float>& features, const std::vector<float>& target, int64_t rows,
                              double learningRate) {
  const bool scaling = options_.precision == Precision::fp16;
  BufferGuard statistics(buffers_);
  const Loss loss = lossOf(features, target, rows, /*updateStatistics=*/true);
  (scaling ? scaler_.scaled(loss.value) : loss.value).backward();
  const std::vector<at::Tensor> gradients = takeGradients();

  const at::NoGradGuard noGradient;
  const at::Tensor foundInf = scaling ? scaler_.unscale(gradients) : at::zeros({1}, loss.value.options());
  const at::Tensor correct = loss.logits.argmax(1).eq(loss.target.argmax(1)).sum();
  // One crossing for all that is read: each waits until a GPU has done everything it was given.
  const at::Tensor read = at::stack({loss.value, gradientNorm(gradients), correct.to(at::kFloat), foundInf.squeeze(0),
                                     scaler_.scale.squeeze(0)})
                              .cpu();
  const float* values = read.const_data_ptr<float>();
  StepResult result;
  result.rows = rows;
  result.loss = values[0];
  result.gradNorm = values[1];
  result.correct = static_cast<int64_t>(values[2]);
  if (scaling) {
    result.skipped = values[3] != 0;
    result.lossScale = values[4];
    scaler_.adapt(foundInf);
    if (result.skipped && scaler_.scale.item<double>() < kSmallestScale) throw diverged(optimizer_.step);
  } else if (!(std::isfinite(result.gradNorm) && std::isfinite(result.loss))) {
    throw diverged(optimizer_.step);
  }
  if (!result.skipped) {
    statistics.commit();
    clipGradients(gradients, result.gradNorm, options_.gradClip);
    update(options_.optimizer, optimizer_, weights_, gradients, learningRate);
    if (averaging()) updateAverage(averagedValues_, values_, options_.emaDecay, optimizer_.step);
  }
  return result;
}

std::vector<TensorData> NetworkState::gradientsOf(std::vector<float>& features, const std::vector<float>& target,
                                                  int64_t rows) {
  lossOf(features, target, rows, /*updateStatistics=*/false).value.backward();
  const std::vector<at::Tensor> gradients = takeGradients();
  std::vector<TensorData> named;
  for (size_t i = 0; i < gradients.size(); ++i) named.push_back(toTensorData("model." + weightNames_[i], gradients[i]));
  return named;
}

std::vector<TensorData> NetworkState::exportState(bool withOptimizer) {
  std::vector<TensorData> tensors;
  auto add = [&](Parameters& parameters, const std::string& prefix) {
    forEachTensor(parameters, options_.model, [&](const std::string& name, at::Tensor& tensor, TensorKind) {
      tensors.push_back(toTensorData(prefix + name, tensor));
    });
  };
  add(averaging() ? average_ : current_, "model.");
  if (!withOptimizer) return tensors;
  if (averaging()) add(current_, "current.");
  for (size_t i = 0; i < weights_.size(); ++i) {
    tensors.push_back(toTensorData("optimizer.exp_avg." + weightNames_[i], optimizer_.expAvg[i]));
    tensors.push_back(toTensorData("optimizer.exp_avg_sq." + weightNames_[i], optimizer_.expAvgSq[i]));
  }
  tensors.push_back(toTensorData("optimizer.step", at::full({}, optimizer_.step, at::kLong)));
  if (options_.precision == Precision::fp16) {
    tensors.push_back(toTensorData("scaler.scale", scaler_.scale));
    tensors.push_back(toTensorData("scaler.growth", scaler_.growth));
  }
  return tensors;
}

void NetworkState::importState(const std::vector<TensorView>& tensors) {
  const at::NoGradGuard noGradient;
  // Into copies first: a file that turns out to be damaged half-way must leave the trainer as it was.
  auto load = [&](const std::string& prefix, bool trainable) {
    return loadParameters(options_.model, options_.classes, tensors, prefix, device_, trainable);
  };
  const Parameters model = load("model.", /*trainable=*/false);
  const Parameters current = anyWithPrefix(tensors, "current.")
                                 ? load("current.", /*trainable=*/true)
                                 : copyParameters(model, options_.model, device_, /*trainable=*/true);
  OptimizerState optimizer = freshState(weights_);
  LossScaler scaler(device_);
  if (anyWithPrefix(tensors, "optimizer.")) {
    std::unordered_map<std::string, const TensorView*> byName;
    for (const TensorView& data : tensors) byName.emplace(data.name, &data);
    auto loadState = [&](const std::string& name, const at::Tensor& target) {
      const auto found = byName.find(name);
      if (found == byName.end())
        throw Error("damaged_checkpoint", "Tensor " + name + " is missing: the file is damaged or of another network");
      const at::Tensor value = fromTensorView(*found->second);
      if (value.sizes() != target.sizes())
        throw Error("damaged_checkpoint", "Tensor " + name + " has another shape than this network needs");
      target.copy_(value);
    };
    for (size_t i = 0; i < weightNames_.size(); ++i) {
      loadState("optimizer.exp_avg." + weightNames_[i], optimizer.expAvg[i]);
      loadState("optimizer.exp_avg_sq." + weightNames_[i], optimizer.expAvgSq[i]);
    }
    const at::Tensor step = at::zeros({}, at::kLong);
    loadState("optimizer.step", step);
    optimizer.step = step.item<int64_t>();
    if (optimizer.step < 0) {
      throw Error("damaged_checkpoint", "Tensor optimizer.step is " + std::to_string(optimizer.step) +
                                            ", which counts steps: the file is damaged");
    }
    if (byName.count("scaler.scale") > 0) {
      loadState("scaler.scale", scaler.scale);
      loadState("scaler.growth", scaler.growth);
    }
  }
  current_ = current;
  if (averaging()) average_ = model;
  optimizer_ = optimizer;
  scaler_ = scaler;
  collect();
}

int64_t NetworkState::heldBytes() const {
  int64_t bytes = 0;
  for (const at::Tensor& value : values_) bytes += static_cast<int64_t>(value.nbytes());
  for (const at::Tensor& value : averagedValues_) bytes += static_cast<int64_t>(value.nbytes());
  for (const at::Tensor& weight : weights_)
    bytes += 3 * static_cast<int64_t>(weight.nbytes());  // gradient and two moments
  return bytes;
}

}  // namespace autobird
