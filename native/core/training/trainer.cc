#include "core/training/trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>

#include "core/error.h"
#include "core/features/stretch.h"
#include "core/text.h"
#include "core/training/network_state.h"

namespace autobird {
namespace {

// Batches of an evaluation that are made ahead of the network.
constexpr size_t kBatchesAhead = 3;

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void requireShards(const std::shared_ptr<const ShardSet>& shards) {
  if (!shards)
    throw invalidArgument(
        "Expected a trainer with shards for clips but received one made without: give shards to Trainer.create");
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options, std::shared_ptr<const ShardSet> shards)
    : options_(options), shards_(std::move(shards)), logMel_(options.features), loader_(options.loaderThreads) {
  validate(options.statistics, logMel_.mels());
  validate(options.optimizer);
  if (!(options.gradClip >= 0))
    throw invalidArgument("Expected a number not below 0 for gradClip but received " + numberText(options.gradClip));
  if (!(options.emaDecay >= 0 && options.emaDecay < 1)) {
    throw invalidArgument("Expected a number from 0 to below 1 for emaDecay but received " +
                          numberText(options.emaDecay));
  }
  at::set_num_threads(options.threads);
  network_ = std::make_unique<NetworkState>(options);
}

Trainer::~Trainer() = default;

PendingBatch Trainer::prepare(BatchPlan plan) {
  requireShards(shards_);
  validate(plan, *shards_, options_.classes);
  validateShape(options_.model, logMel_.mels(), logMel_.frames(plan.clipSamples));
  PendingBatch batch;
  batch.rows = plan.rows();
  batch.target = plan.target;
  const int64_t rowSize = static_cast<int64_t>(logMel_.mels()) * logMel_.frames(plan.clipSamples);
  auto shared = std::make_shared<BatchPlan>(std::move(plan));
  batch.features = loader_.load(batch.rows, rowSize, [this, shared](int64_t row, float* out) {
    makeRow(*shards_, logMel_, options_.statistics, *shared, row, out);
  });
  return batch;
}

StepResult Trainer::step(PendingBatch& batch, double learningRate) {
  const Stopwatch waiting;
  std::vector<float> features = batch.features->take();
  const double waitMs = waiting.milliseconds();
  StepResult result = stepOn(features, batch.target, batch.rows, learningRate);
  result.waitMs = waitMs;
  return result;
}

StepResult Trainer::stepFeatures(std::vector<float> features, std::vector<float> target, int64_t rows,
                                 double learningRate) {
  return stepOn(features, target, rows, learningRate);
}

StepResult Trainer::stepOn(std::vector<float>& features, const std::vector<float>& target, int64_t rows,
                           double learningRate) {
  if (!(learningRate >= 0) || !std::isfinite(learningRate)) {
    throw invalidArgument("Expected a number not below 0 for learningRate but received " + numberText(learningRate));
  }
  const Stopwatch computing;
  at::set_num_threads(options_.threads);
  StepResult result = network_->step(features, target, rows, learningRate);
  result.computeMs = computing.milliseconds();
  return result;
}

std::vector<TensorData> Trainer::gradients(std::vector<float> features, std::vector<float> target, int64_t rows) {
  at::set_num_threads(options_.threads);
  return network_->gradientsOf(features, target, rows);
}

EngineOutput Trainer::evaluate(const ClipTable& clips, int64_t batchSize, const Stopping& stopping) {
  requireShards(shards_);
  validate(clips, *shards_);
  if (batchSize < 1)
    throw invalidArgument("Expected a positive integer for batchSize but received " + std::to_string(batchSize));
  const int frames = logMel_.frames(clips.clipSamples);
  validateShape(options_.model, logMel_.mels(), frames);
  const int64_t rowSize = static_cast<int64_t>(logMel_.mels()) * frames;
  at::set_num_threads(options_.threads);

  EngineOutput output;
  output.activity.resize(static_cast<size_t>(clips.size()));
  output.peak.resize(static_cast<size_t>(clips.size()));
  struct QueuedBatch {
    std::shared_ptr<PendingFeatures> features;
    int64_t rows;
  };
  std::deque<QueuedBatch> queued;
  // What is left in the queue refers to this frame's variables: on every way out it is cancelled and waited for.
  struct Drain {
    std::deque<QueuedBatch>& queued;
    ~Drain() {
      for (QueuedBatch& batch : queued) batch.features->cancel();
      for (QueuedBatch& batch : queued) batch.features->wait();
    }
  } drain{queued};
  int64_t begin = 0;
  while (begin < clips.size() || !queued.empty()) {
    if (stopping && stopping()) throw Error("aborted", "The work was aborted");
    while (begin < clips.size() && queued.size() < kBatchesAhead) {
      const int64_t rows = std::min(batchSize, clips.size() - begin);
      auto makeClip = [this, &clips, &output, begin, frames](int64_t row, float* out) {
        thread_local std::vector<float> samples;
        samples.resize(static_cast<size_t>(clips.clipSamples));
        const int64_t i = begin + row;
        shards_->read(clips.recording[i], std::llround(clips.startSample[i]), clips.clipSamples, samples.data());
        output.peak[i] = peakOf(samples);
        logMel_.compute(samples.data(), clips.clipSamples, out, &output.activity[i]);
        options_.statistics.apply(out, frames);
      };
      queued.push_back({loader_.load(rows, rowSize, makeClip), rows});
      begin += rows;
    }
    std::vector<float> features = queued.front().features->take();
    infer(network_->evaluated(), options_.model, network_->device(), options_.precision, features, queued.front().rows,
          logMel_.mels(),
          /*embeddings=*/false, output);
    queued.pop_front();
  }
  return output;
}

std::vector<TensorData> Trainer::exportState(bool withOptimizer) { return network_->exportState(withOptimizer); }

void Trainer::importState(const std::vector<TensorView>& tensors) {
  at::set_num_threads(options_.threads);
  network_->importState(tensors);
}

int64_t Trainer::heldBytes() const { return network_->heldBytes(); }

}  // namespace autobird
