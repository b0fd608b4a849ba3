// The log-mel of one stretch of samples, for tools and tests; training and prediction use core's LogMel themselves.
#include "core/features/log_mel.h"

#include "addon/addon.h"
#include "addon/feature_options.h"
#include "addon/worker.h"

namespace autobird::addon {

namespace {

struct LogMelState {
  std::shared_ptr<Executor> executor;
  std::shared_ptr<const LogMel> logMel;  // JavaScript thread; empty once disposed
};

}  // namespace

Napi::Value createLogMel(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    auto state = std::make_shared<LogMelState>();
    state->logMel = std::make_shared<const LogMel>(toFeatureOptions(call[0]));
    state->executor = Executor::start(env, "autobird log-mel");
    Napi::Object handle = Napi::Object::New(env);
    handle["compute"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& compute) -> Napi::Value {
      return guarded(compute.Env(), [&]() -> Napi::Value {
        if (!state->logMel) throw Error("disposed", "LogMel was disposed: make a new one before using it again");
        return state->executor->run(
            compute.Env(),
            [logMel = state->logMel, samples = toVector<float>(compute[0], "samples")] {
              return logMel->compute(samples);
            },
            [](Napi::Env jsEnv, const std::vector<float>& out) { return fromVector(jsEnv, out); });
      });
    });
    handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo&) {
      if (!state->logMel) return;
      state->executor->close();
      state->logMel.reset();
    });
    return handle;
  });
}

}  // namespace autobird::addon
