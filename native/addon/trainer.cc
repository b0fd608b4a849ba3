// Trainer: steps run in the order of the calls; features of queued steps are made meanwhile.
#include "core/training/trainer.h"

#include <memory>
#include <utility>
#include <vector>

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/shards.h"
#include "addon/training_options.h"

namespace autobird::addon {
namespace {

constexpr HandleKind kTrainer{"Trainer", "autobird trainer", {0x6175746f62697264, 0x547261696e657200}};

TrainerOptions toTrainerOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "options");
  TrainerOptions options;
  options.model = toModelOptions(object["model"]);
  options.features = toFeatureOptions(object["features"]);
  options.classes = toCount(object["classes"], "classes");
  options.statistics = toNormalisation(object["statistics"]);
  const Napi::Object optimizer = toObject(object["optimizer"], "optimizer");
  options.optimizer.kind = optimizerKindFromName(toText(optimizer["kind"], "optimizer.kind"));
  options.optimizer.beta1 = toNumber(optimizer["beta1"], "optimizer.beta1");
  options.optimizer.beta2 = toNumber(optimizer["beta2"], "optimizer.beta2");
  options.optimizer.eps = toNumber(optimizer["eps"], "optimizer.eps");
  options.optimizer.weightDecay = toNumber(optimizer["weightDecay"], "optimizer.weightDecay");
  options.gradClip = toNumber(object["gradClip"], "gradClip");
  options.emaDecay = toNumber(object["emaDecay"], "emaDecay");
  const int64_t seed = toInteger(object["seed"], "seed");
  if (seed < 0) throw wrongKind("an integer not below 0", "seed", object["seed"]);
  options.seed = static_cast<uint64_t>(seed);
  options.device = toText(object["device"], "device");
  options.precision = precisionFromName(toText(object["precision"], "precision"));
  options.threads = toCount(object["threads"], "threads", kMaxThreads);
  options.loaderThreads = toCount(object["loaderThreads"], "loaderThreads", kMaxThreads);
  return options;
}

double toLearningRate(const Napi::Value& value) {
  return toNumber(toObject(value, "options")["learningRate"], "learningRate");
}

Napi::Value fromStepResult(Napi::Env env, const StepResult& result) {
  Napi::Object object = Napi::Object::New(env);
  object["loss"] = Napi::Number::New(env, result.loss);
  object["correct"] = Napi::Number::New(env, static_cast<double>(result.correct));
  object["rows"] = Napi::Number::New(env, static_cast<double>(result.rows));
  object["gradNorm"] = Napi::Number::New(env, result.gradNorm);
  object["skipped"] = Napi::Boolean::New(env, result.skipped);
  object["lossScale"] = Napi::Number::New(env, result.lossScale);
  object["waitMs"] = Napi::Number::New(env, result.waitMs);
  object["computeMs"] = Napi::Number::New(env, result.computeMs);
  return object;
}

void addTrainerMethods(Napi::Object handle, const SharedState<Trainer>& state) {
  // Features that may still be in the making; for `abort`.
  const auto pending = std::make_shared<std::vector<std::weak_ptr<PendingFeatures>>>();
  addMethod(handle, "step", [state, pending](const Napi::CallbackInfo& call) -> Napi::Value {
    const double learningRate = toLearningRate(call[1]);
    auto batch = std::make_shared<PendingBatch>(state->use()->prepare(toBatchPlan(call[0])));
    std::erase_if(*pending, [](const auto& entry) { return entry.expired(); });
    pending->push_back(batch->features);
    return state->run(
        call.Env(), [batch, learningRate](Trainer& trainer) { return trainer.step(*batch, learningRate); },
        fromStepResult);
  });
  addMethod(handle, "stepFeatures", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [features = toVector<float>(call[0], "features"), target = toVector<float>(call[1], "target"),
         rows = toCount(call[2], "rows"), learningRate = toLearningRate(call[3])](Trainer& trainer) mutable {
          return trainer.stepFeatures(std::move(features), std::move(target), rows, learningRate);
        },
        fromStepResult);
  });
  addMethod(handle, "gradients", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [features = toVector<float>(call[0], "features"), target = toVector<float>(call[1], "target"),
         rows = toCount(call[2], "rows")](Trainer& trainer) mutable {
          return trainer.gradients(std::move(features), std::move(target), rows);
        },
        fromTensors);
  });
  addMethod(handle, "evaluate", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [stopping = state->stopping(), clips = toClipTable(call[0]), batchSize = toCount(call[1], "batchSize")](
            Trainer& trainer) { return trainer.evaluate(clips, batchSize, stopping); },
        [](Napi::Env env, const EngineOutput& output) { return fromEngineOutput(env, output, /*embeddings=*/false); });
  });
  addMethod(handle, "exportState", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(), [all = toBoolean(call[0], "withOptimizer")](Trainer& trainer) { return trainer.exportState(all); },
        fromTensors);
  });
  addMethod(handle, "importState", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    const auto borrowed = std::make_shared<BorrowedArrays>();
    return state->run(
        call.Env(), [tensors = toTensors(call[0], *borrowed)](Trainer& trainer) { trainer.importState(tensors); },
        [borrowed](Napi::Env env) { return env.Undefined(); });
  });
  addMethod(handle, "abort", [state, pending](const Napi::CallbackInfo& call) -> Napi::Value {
    if (state->executor) state->executor->abort();
    for (const auto& entry : std::exchange(*pending, {})) {
      if (const auto features = entry.lock()) features->cancel();
    }
    return call.Env().Undefined();
  });
}

}  // namespace

Napi::Value createTrainer(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<const ShardSet> shards = info[1].IsNull() ? nullptr : shardsOf(info[1]);
    return openHandle<Trainer>(
        info.Env(), kTrainer,
        [options = toTrainerOptions(info[0]), shards] { return std::make_shared<Trainer>(options, shards); },
        addTrainerMethods);
  });
}

}  // namespace autobird::addon
