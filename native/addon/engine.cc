// Engine: a network that only predicts.
#include "core/model/engine.h"

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/training_options.h"

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

    addMethod(handle, "forwardPcm", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      const bool embeddings = toBoolean(call[3], "embeddings");
      return state->executor->run(
          call.Env(),
          [core = state->use(), executor = state->executor.get(), samples = toVector<float>(call[0], "samples"),
           starts = toVector<double>(call[1], "startSample"), clipSamples = toInteger(call[2], "clipSamples"),
           embeddings] {
            return core->forwardPcm(samples, starts, clipSamples, embeddings,
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
