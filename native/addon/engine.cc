// Engine: a network that only predicts.
#include "core/model/engine.h"

#include <limits>

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/samples_handle.h"
#include "addon/training_options.h"
#include "core/model/batcher.h"

namespace autobird::addon {
namespace {

constexpr napi_type_tag kEngineTag{0x6175746f62697264, 0x456e67696e650000};

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

Napi::Value submitToBatcher(const Napi::CallbackInfo& call, const std::shared_ptr<Executor>& executor,
                            Batcher& batcher) {
  const bool embeddings = toBoolean(call[3], "embeddings");
  SharedSamples samples = toSamples(call[0], "samples");
  auto starts = toVector<double>(call[1], "startSample");
  const int64_t clipSamples = toInteger(call[2], "clipSamples");
  const auto number = static_cast<uint64_t>(toInteger(call[4], "call"));
  const double withinMs = call[5].IsNull() ? std::numeric_limits<double>::infinity() : toNumber(call[5], "withinMs");
  auto [promise, deferred] = executor->defer<EngineOutput>(
      call.Env(),
      [embeddings](Napi::Env env, const EngineOutput& output) { return fromEngineOutput(env, output, embeddings); });
  const auto settle = [deferred = deferred](EngineOutput output, std::exception_ptr failure) {
    if (failure) {
      deferred->reject(failureOf(failure));
    } else {
      deferred->resolve(std::move(output));
    }
  };
  try {
    batcher.submit(number, std::move(samples), std::move(starts), clipSamples, embeddings, withinMs, settle);
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
  const std::vector<double> sizes(stats.batchSizes.begin(), stats.batchSizes.end());
  object["batchSizes"] = fromVector(env, sizes);
  object["waitedMs"] = stats.waitedMs;
  const std::vector<double> waits(stats.waits.begin(), stats.waits.end());
  object["waits"] = fromVector(env, waits);
  return object;
}

}  // namespace

Napi::Value createEngine(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    auto state = std::make_shared<HandleState<Engine>>();
    state->kind = "Engine";
    state->core = std::make_shared<Engine>(toEngineOptions(info[0]), toTensors(info[1]));
    state->executor = Executor::start(env, "autobird engine");
    state->report(env, state->core->heldBytes());
    Napi::Object handle = makeHandle(env, kEngineTag, state);

    const Napi::Value batching = info[0].As<Napi::Object>()["batching"];
    std::shared_ptr<Batcher> batcher;
    if (!batching.IsNull()) {
      const int workers = toCount(info[0].As<Napi::Object>()["threads"], "threads", kMaxThreads);
      batcher = std::make_shared<Batcher>(state->core, workers, toBatchingOptions(batching));
      const std::weak_ptr<Batcher> weak = batcher;
      state->executor->onClose([weak] {
        if (const auto open = weak.lock()) open->abandon();
      });
      state->executor->onJoin([weak] {
        if (const auto open = weak.lock()) open->stop();
      });
    }
    addMethod(handle, "cancel", [batcher](const Napi::CallbackInfo& call) -> Napi::Value {
      if (batcher) batcher->cancel(static_cast<uint64_t>(toInteger(call[0], "call")));
      return call.Env().Undefined();
    });
    addMethod(handle, "stats", [batcher](const Napi::CallbackInfo& call) -> Napi::Value {
      return batcher ? fromBatcherStats(call.Env(), batcher->stats()) : call.Env().Null();
    });

    addMethod(handle, "forwardPcm", [state, batcher](const Napi::CallbackInfo& call) -> Napi::Value {
      state->use();
      if (batcher) return submitToBatcher(call, state->executor, *batcher);
      const bool embeddings = toBoolean(call[3], "embeddings");
      return state->executor->run(
          call.Env(),
          [core = state->use(), executor = state->executor.get(), samples = toSamples(call[0], "samples"),
           starts = toVector<double>(call[1], "startSample"), clipSamples = toInteger(call[2], "clipSamples"),
           embeddings] {
            return core->forwardPcm(*samples, starts, clipSamples, embeddings,
                                    [executor] { return executor->stopping(); });
          },
          [embeddings](Napi::Env jsEnv, const EngineOutput& output) {
            return fromEngineOutput(jsEnv, output, embeddings);
          });
    });
    addMethod(handle, "forwardFeatures", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      const bool embeddings = toBoolean(call[2], "embeddings");
      return state->executor->run(
          call.Env(),
          [core = state->use(), features = toVector<float>(call[0], "features"), rows = toCount(call[1], "rows"),
           embeddings]() mutable { return core->forwardFeatures(std::move(features), rows, embeddings); },
          [embeddings](Napi::Env jsEnv, const EngineOutput& output) {
            return fromEngineOutput(jsEnv, output, embeddings);
          });
    });
    return handle;
  });
}

}  // namespace autobird::addon
