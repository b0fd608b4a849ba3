// What LibTorch and the machine can do.
#include "core/runtime.h"

#include "addon/addon.h"
#include "addon/convert.h"
#include "addon/worker.h"

namespace autobird::addon {

void loadCudaIfPresent() { prepareProcess(); }

Napi::Value runtimeInfo(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    const RuntimeInfo info = autobird::runtimeInfo();
    Napi::Object object = Napi::Object::New(env);
    object["torchBuilt"] = info.torchBuilt;
    object["torchLoaded"] = info.torchLoaded;
    object["cpuCapability"] = info.cpuCapability;
    Napi::Array features = Napi::Array::New(env, info.cpuFeatures.size());
    for (size_t i = 0; i < info.cpuFeatures.size(); ++i) features[static_cast<uint32_t>(i)] = info.cpuFeatures[i];
    object["cpuFeatures"] = features;
    object["cpuBf16"] = Napi::Boolean::New(env, info.cpuBf16);
    object["cudaAvailable"] = Napi::Boolean::New(env, info.cudaAvailable);
    Napi::Array devices = Napi::Array::New(env, info.cudaDevices.size());
    for (size_t i = 0; i < info.cudaDevices.size(); ++i) {
      Napi::Object device = Napi::Object::New(env);
      device["name"] = info.cudaDevices[i].name;
      device["totalBytes"] = Napi::Number::New(env, static_cast<double>(info.cudaDevices[i].totalBytes));
      devices[static_cast<uint32_t>(i)] = device;
    }
    object["cudaDevices"] = devices;
    object["cudaFailure"] =
        info.cudaFailure.empty() ? env.Null() : Napi::String::New(env, info.cudaFailure).As<Napi::Value>();
    object["mallocTuned"] = Napi::Boolean::New(env, info.mallocTuned);
    return object;
  });
}

Napi::Value releaseFreeMemory(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    return Executor::start(call.Env(), "autobird memory")
        ->run(
            call.Env(), [] { autobird::releaseFreeMemory(); }, [](Napi::Env env) { return env.Undefined(); });
  });
}

}  // namespace autobird::addon
