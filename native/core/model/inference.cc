#include "core/model/inference.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <string>

#include "core/error.h"

namespace autobird {
namespace {

void append(std::vector<float>& values, const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = host.const_data_ptr<float>();
  values.insert(values.end(), data, data + host.numel());
}

}  // namespace

void infer(const Parameters& parameters, const ModelOptions& options, const at::Device& device, Precision precision,
           std::vector<float>& features, int64_t rows, int64_t mels, bool embeddings, EngineOutput& output) {
  infer(parameters, nullptr, options, device, precision, features, rows, mels, embeddings, output);
}

void infer(const Parameters& parameters, const FusedStem* stem, const ModelOptions& options, const at::Device& device,
           Precision precision, std::vector<float>& features, int64_t rows, int64_t mels, bool embeddings,
           EngineOutput& output) {
  if (rows < 1 || features.size() % static_cast<size_t>(rows * mels) != 0 || features.empty()) {
    throw invalidArgument("Expected rows * " + std::to_string(mels) +
                          " bands * frames values for features but received " + std::to_string(features.size()) +
                          " values for " + std::to_string(rows) + " rows");
  }
  const c10::InferenceMode inference;
  const int64_t frames = static_cast<int64_t>(features.size()) / (rows * mels);
  const at::Tensor x = at::from_blob(features.data(), {rows, mels, frames}, at::kFloat).to(device);
  const AutocastScope autocast(device, precision);
  if (stem != nullptr) validateShape(options, mels, frames);
  const NetworkOutput result = stem == nullptr ? forward(parameters, options, x, ForwardMode{})
                                               : forwardMaps(parameters, options, stem->forward(x));
  append(output.logits, result.logits);
  if (embeddings) append(output.embeddings, result.embedding);
}

}  // namespace autobird
