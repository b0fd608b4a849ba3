#include "core/model/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/features/drift.h"
#include "core/model/tensors.h"
#include "core/parallel.h"
#include "core/runtime.h"
#include "core/text.h"

namespace autobird {
namespace {

// Clips that are in memory as features and activations at once.
constexpr int64_t kClipsAtOnce = 16;

void copyStretch(const std::vector<float>& samples, double startSample, int64_t count, std::vector<float>& out) {
  if (!(std::abs(startSample) < 9e15)) {
    throw invalidArgument("Expected a number of samples for startSample but received " + numberText(startSample));
  }
  const auto total = static_cast<int64_t>(samples.size());
  const int64_t start = std::llround(startSample);
  const int64_t begin = std::clamp<int64_t>(start, 0, total);
  const int64_t end = std::clamp<int64_t>(start + count, begin, total);
  out.assign(static_cast<size_t>(count), 0.0F);
  std::copy(samples.begin() + begin, samples.begin() + end, out.begin() + (begin - std::min(start, begin)));
}

}  // namespace

Engine::Engine(const EngineOptions& options, const std::vector<TensorData>& tensors)
    : options_(options), logMel_(options.features), device_(requireDevice(options.device)) {
  validate(options.statistics, logMel_.mels());
  parameters_ = loadParameters(options.model, options.classes, tensors, "model.", device_, /*trainable=*/false);
}

EngineOutput Engine::forwardPcm(const std::vector<float>& samples, const std::vector<double>& startSample,
                                int64_t clipSamples, bool embeddings, const std::function<bool()>& stopping) {
  requireClipSamples(clipSamples);
  at::set_num_threads(options_.threads);
  const auto count = static_cast<int64_t>(startSample.size());
  const int frames = logMel_.frames(clipSamples);
  validateShape(options_.model, logMel_.mels(), frames);
  const int64_t rowSize = static_cast<int64_t>(logMel_.mels()) * frames;
  EngineOutput output;
  output.activity.resize(static_cast<size_t>(count));
  output.driftFeatures.resize(static_cast<size_t>(count) * kDriftFeatures);
  std::vector<float> features;
  for (int64_t begin = 0; begin < count; begin += kClipsAtOnce) {
    const int64_t rows = std::min(kClipsAtOnce, count - begin);
    features.resize(static_cast<size_t>(rows * rowSize));
    parallelFor(rows, options_.threads, stopping, [&](int64_t row, int) {
      thread_local std::vector<float> clip;
      copyStretch(samples, startSample[begin + row], clipSamples, clip);
      float* out = features.data() + row * rowSize;
      logMel_.melPower(clip.data(), clipSamples, out);
      const DriftFeatures drift = driftFeatures(logMel_, out, frames);
      float* driftRow = output.driftFeatures.data() + (begin + row) * kDriftFeatures;
      driftRow[0] = drift.melMean;
      driftRow[1] = drift.melStd;
      driftRow[2] = drift.energyMean;
      driftRow[3] = drift.energyStd;
      logMel_.finish(out, frames, &output.activity[begin + row]);
      options_.statistics.apply(out, frames);
    });
    infer(parameters_, options_.model, device_, options_.precision, features, rows, logMel_.mels(), embeddings, output);
  }
  return output;
}

EngineOutput Engine::forwardFeatures(std::vector<float> features, int64_t rows, bool embeddings) {
  at::set_num_threads(options_.threads);
  EngineOutput output;
  output.activity.resize(static_cast<size_t>(std::max<int64_t>(rows, 0)));
  infer(parameters_, options_.model, device_, options_.precision, features, rows, logMel_.mels(), embeddings, output);
  return output;
}

int64_t Engine::heldBytes() const {
  int64_t bytes = 0;
  Parameters handles = parameters_;
  forEachTensor(handles, options_.model, [&](const std::string&, at::Tensor& tensor, TensorKind) {
    bytes += static_cast<int64_t>(tensor.nbytes());
  });
  return bytes;
}

}  // namespace autobird
