// Engine: a network that only predicts.
#include "core/model/engine.h"

#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/samples_handle.h"
#include "addon/training_options.h"
#include "core/model/batcher.h"

namespace autobird::addon {
namespace {

constexpr HandleKind kEngine{"Engine", "autobird engine", {0x6175746f62697264, 0x456e67696e650000}};

/// What an engine's handle holds: with batching the workers, which end before the network goes.
struct ServingEngine {
  std::shared_ptr<Engine> engine;
  std::shared_ptr<Batcher> batcher;  // null without batching

  int64_t heldBytes() const { return engine->heldBytes(); }
};

EngineOptions toEngineOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "options");
  EngineOptions options;
  options.model = toModelOptions(object["model"]);
  options.features = toFeatureOptions(object["features"]);
  options.classes = toCount(object["classes"], "classes");
  options.statistics = toNormalisation(object["statistics"]);
  options.device = toText(object["device"], "device");
  options.precision = precisionFromName(toText(object["precision"], "precision"));
  options.threads = toCount(object["threads"], "threads", kMaxThreads);
  return options;
}

BatchingOptions toBatchingOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "batching");
  BatchingOptions options;
  options.maxClips = toCount(object["maxClips"], "batching.maxClips");
  options.maxDelayMs = toNumber(object["maxDelayMs"], "batching.maxDelayMs");
  if (!(options.maxDelayMs >= 0 && options.maxDelayMs <= 60000)) {
    throw wrongKind("0 to 60000 ms", "batching.maxDelayMs", object["maxDelayMs"]);
  }
  options.maxQueuedClips = toCount(object["maxQueuedClips"], "batching.maxQueuedClips");
  return options;
}

Failure failureOf(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (...) {
    return currentFailure();
  }
}

// Of `forwardPcm`.
Wanted toWanted(const Napi::CallbackInfo& call) {
  return {toBoolean(call[3], "embeddings"), toBoolean(call[4], "driftFeatures")};
}

Napi::Value submitToBatcher(const Napi::CallbackInfo& call, const std::shared_ptr<Executor>& executor,
                            Batcher& batcher) {
  const Wanted wanted = toWanted(call);
  SharedSamples samples = toSamples(call[0], "samples");
  auto starts = toVector<double>(call[1], "startSample");
  const int64_t clipSamples = toInteger(call[2], "clipSamples");
  const auto number = static_cast<uint64_t>(toInteger(call[5], "call"));
  const double withinMs = call[6].IsNull() ? std::numeric_limits<double>::infinity() : toNumber(call[6], "withinMs");
  if (!(withinMs >= 0)) throw wrongKind("a number of milliseconds not below 0", "withinMs", call[6]);
  auto [promise, deferred] = executor->defer<EngineOutput>(
      call.Env(),
      [wanted](Napi::Env env, const EngineOutput& output) { return fromEngineOutput(env, output, wanted.embeddings); });
  const auto settle = [deferred = deferred](EngineOutput output, std::exception_ptr failure) {
    if (failure) {
      deferred->reject(failureOf(failure));
    } else {
      deferred->resolve(std::move(output));
    }
  };
  try {
    batcher.submit(number, std::move(samples), std::move(starts), clipSamples, wanted, withinMs, settle);
  } catch (...) {
    deferred->reject(currentFailure());
  }
  return promise;
}

Napi::Value fromBatcherStats(Napi::Env env, const BatcherStats& stats) {
  Napi::Object object = Napi::Object::New(env);
  object["queuedClips"] = static_cast<double>(stats.queuedClips);
  object["runningClips"] = static_cast<double>(stats.runningClips);
  object["clips"] = static_cast<double>(stats.clips);
  object["batches"] = static_cast<double>(stats.batches);
  object["refusedCalls"] = static_cast<double>(stats.refusedCalls);
  object["lateCalls"] = static_cast<double>(stats.lateCalls);
  object["meanClipMs"] = stats.meanClipMs;
  object["busyMs"] = stats.busyMs;
  const std::vector<double> sizes(stats.batchSizes.begin(), stats.batchSizes.end());
  object["batchSizes"] = fromVector(env, sizes);
  object["waitedMs"] = stats.waitedMs;
  const std::vector<double> waits(stats.waits.begin(), stats.waits.end());
  object["waits"] = fromVector(env, waits);
  return object;
}

void addEngineMethods(Napi::Object handle, const SharedState<ServingEngine>& state) {
  addMethod(handle, "cancel", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    // A call may be cancelled after the engine was disposed.
    const auto number = static_cast<uint64_t>(toInteger(call[0], "call"));
    if (state->core && state->core->batcher) state->core->batcher->cancel(number);
    return call.Env().Undefined();
  });
  addMethod(handle, "stats", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    const auto& batcher = state->use()->batcher;
    return batcher ? fromBatcherStats(call.Env(), batcher->stats()) : call.Env().Null();
  });
  addMethod(handle, "forwardPcm", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    if (const auto& batcher = state->use()->batcher) return submitToBatcher(call, state->executor, *batcher);
    const Wanted wanted = toWanted(call);
    return state->run(
        call.Env(),
        [stopping = state->stopping(), samples = toSamples(call[0], "samples"),
         starts = toVector<double>(call[1], "startSample"), clipSamples = toInteger(call[2], "clipSamples"),
         wanted](const ServingEngine& core) {
          return core.engine->forwardPcm(*samples, starts, clipSamples, wanted, stopping);
        },
        [wanted](Napi::Env env, const EngineOutput& output) {
          return fromEngineOutput(env, output, wanted.embeddings);
        });
  });
  addMethod(handle, "forwardFeatures", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    const bool embeddings = toBoolean(call[2], "embeddings");
    return state->run(
        call.Env(),
        [features = toVector<float>(call[0], "features"), rows = toCount(call[1], "rows"),
         embeddings](const ServingEngine& core) mutable {
          return core.engine->forwardFeatures(std::move(features), rows, embeddings);
        },
        [embeddings](Napi::Env env, const EngineOutput& output) { return fromEngineOutput(env, output, embeddings); });
  });
  const std::weak_ptr<Batcher> batcher = state->core->batcher;
  state->executor->onClose([batcher] {
    if (const auto open = batcher.lock()) open->abandon();
  });
  state->executor->onJoin([batcher] {
    if (const auto open = batcher.lock()) open->stop();
  });
}

}  // namespace

Napi::Value createEngine(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Value batching = toObject(info[0], "options")["batching"];
    std::optional<BatchingOptions> shared;
    if (!batching.IsNull()) shared = toBatchingOptions(batching);
    const auto borrowed = std::make_shared<BorrowedArrays>();
    return openHandle<ServingEngine>(
        info.Env(), kEngine,
        [options = toEngineOptions(info[0]), tensors = toTensors(info[1], *borrowed), shared] {
          auto core = std::make_shared<ServingEngine>();
          core->engine = std::make_shared<Engine>(options, tensors);
          if (shared) core->batcher = std::make_shared<Batcher>(core->engine, options.threads, *shared);
          return core;
        },
        addEngineMethods, borrowed);
  });
}

}  // namespace autobird::addon
