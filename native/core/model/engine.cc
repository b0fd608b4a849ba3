#include "core/model/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/features/drift.h"
#include "core/features/stretch.h"
#include "core/model/fused_stem.h"
#include "core/model/tensors.h"
#include "core/runtime.h"

namespace autobird {
namespace {

// Clips that are in memory as features and activations at once.
constexpr int64_t kClipsAtOnce = 16;

// Rows for what is made of the sound; the network appends its own.
EngineOutput withRows(size_t count, Wanted wanted) {
  EngineOutput output;
  output.activity.resize(count);
  output.peak.resize(count);
  if (wanted.driftFeatures) output.driftFeatures.resize(count * kDriftFeatures);
  return output;
}

}  // namespace

Engine::Engine(const EngineOptions& options, const std::vector<TensorView>& tensors)
    : options_(options), logMel_(options.features), device_(requireDevice(options.device)) {
  validate(options.statistics, logMel_.mels());
  at::set_num_threads(options.threads);
  parameters_ = loadParameters(options.model, options.classes, tensors, "model.", device_, /*trainable=*/false);
  const c10::InferenceMode inference;
  foldNorms(parameters_);
  if (device_.is_cpu() && options.precision == Precision::f32) stem_ = FusedStem::of(parameters_, options.model);
}

void copyRows(const EngineOutput& source, int64_t from, int64_t count, EngineOutput& target, int64_t to) {
  const auto rows = [&](const std::vector<float>& values, std::vector<float>& into) {
    if (values.empty() || into.empty()) return;
    const auto width = static_cast<int64_t>(values.size() / source.activity.size());
    std::copy_n(values.begin() + from * width, count * width, into.begin() + to * width);
  };
  rows(source.logits, target.logits);
  rows(source.activity, target.activity);
  rows(source.peak, target.peak);
  rows(source.driftFeatures, target.driftFeatures);
  rows(source.embeddings, target.embeddings);
}

void Engine::checkClips(const std::vector<double>& startSample, int64_t clipSamples) const {
  requireClipSamples(clipSamples);
  validateShape(options_.model, logMel_.mels(), logMel_.frames(clipSamples));
  for (const double start : startSample) requireStart(start);
}

EngineOutput Engine::emptyOutput(int64_t clips, Wanted wanted) const {
  const auto count = static_cast<size_t>(clips);
  EngineOutput output = withRows(count, wanted);
  output.logits.resize(count * static_cast<size_t>(options_.classes));
  if (wanted.embeddings) output.embeddings.resize(count * static_cast<size_t>(options_.model.dModel));
  return output;
}

void Engine::features(const ClipSource& clip, int64_t clipSamples, int frames, float* out, int64_t row,
                      EngineOutput& output) const {
  thread_local std::vector<float> samples;
  copyStretch(clip.samples, clip.startSample, clipSamples, samples);
  output.peak[static_cast<size_t>(row)] = peakOf(samples);
  logMel_.melPower(samples.data(), clipSamples, out);
  if (!output.driftFeatures.empty()) {
    driftFeatures(logMel_, out, frames, output.driftFeatures.data() + row * kDriftFeatures);
  }
  logMel_.finish(out, frames, &output.activity[static_cast<size_t>(row)]);
  options_.statistics.apply(out, frames);
}

EngineOutput Engine::forwardPcm(std::span<const float> samples, const std::vector<double>& startSample,
                                int64_t clipSamples, Wanted wanted, const std::function<bool()>& stopping) {
  checkClips(startSample, clipSamples);
  at::set_num_threads(options_.threads);
  const auto count = static_cast<int64_t>(startSample.size());
  const int frames = logMel_.frames(clipSamples);
  const int64_t rowSize = static_cast<int64_t>(logMel_.mels()) * frames;
  EngineOutput output = withRows(startSample.size(), wanted);
  std::vector<float> block;
  for (int64_t begin = 0; begin < count; begin += kClipsAtOnce) {
    const int64_t rows = std::min(kClipsAtOnce, count - begin);
    block.resize(static_cast<size_t>(rows * rowSize));
    at::parallel_for(0, rows, 1, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        if (stopping && stopping()) throw Error("aborted", "The work was aborted");
        features({samples, startSample[static_cast<size_t>(begin + row)]}, clipSamples, frames,
                 block.data() + row * rowSize, begin + row, output);
      }
    });
    infer(parameters_, stem_.get(), options_.model, device_, options_.precision, block, rows, logMel_.mels(),
          wanted.embeddings, output);
  }
  return output;
}

EngineOutput Engine::scoreClips(const std::vector<ClipSource>& clips, int64_t clipSamples, Wanted wanted) const {
  const int frames = logMel_.frames(clipSamples);
  const int64_t rowSize = static_cast<int64_t>(logMel_.mels()) * frames;
  EngineOutput output = withRows(clips.size(), wanted);
  thread_local std::vector<float> block;
  block.resize(clips.size() * static_cast<size_t>(rowSize));
  for (size_t i = 0; i < clips.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    features(clips[i], clipSamples, frames, block.data() + row * rowSize, row, output);
  }
  infer(parameters_, stem_.get(), options_.model, device_, options_.precision, block,
        static_cast<int64_t>(clips.size()), logMel_.mels(), wanted.embeddings, output);
  return output;
}

EngineOutput Engine::forwardFeatures(std::vector<float> features, int64_t rows, bool embeddings) {
  at::set_num_threads(options_.threads);
  EngineOutput output;
  infer(parameters_, stem_.get(), options_.model, device_, options_.precision, features, rows, logMel_.mels(),
        embeddings, output);
  // Now that it is known that there are so many.
  output.activity.resize(static_cast<size_t>(rows));
  output.peak.resize(static_cast<size_t>(rows), std::numeric_limits<float>::quiet_NaN());
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
