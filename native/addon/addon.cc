// The table of everything autobird.node gives to JavaScript; bindings/native.ts is its typed mirror.
#include "addon/addon.h"

#include "addon/worker.h"

namespace autobird::addon {
namespace {

void initialize(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Environment>()->makeError = Napi::Persistent(info[0].As<Napi::Function>());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  // Before anything else touches LibTorch (core/runtime.h says why). Guarded: what is thrown here would end the process.
  guarded(env, loadCudaIfPresent);

  exports["initialize"] = Napi::Function::New(env, initialize, "initialize");
  exports["runtimeInfo"] = Napi::Function::New(env, runtimeInfo, "runtimeInfo");
  exports["releaseFreeMemory"] = Napi::Function::New(env, releaseFreeMemory, "releaseFreeMemory");
  exports["createTrainer"] = Napi::Function::New(env, createTrainer, "createTrainer");
  exports["createEngine"] = Napi::Function::New(env, createEngine, "createEngine");
  exports["openShards"] = Napi::Function::New(env, openShards, "openShards");
  exports["createLogMel"] = Napi::Function::New(env, createLogMel, "createLogMel");
  exports["createResampler"] = Napi::Function::New(env, createResampler, "createResampler");
  exports["openWav"] = Napi::Function::New(env, openWav, "openWav");
  exports["createChannelMixer"] = Napi::Function::New(env, createChannelMixer, "createChannelMixer");
  exports["createRecordingEncoder"] = Napi::Function::New(env, createRecordingEncoder, "createRecordingEncoder");
  return exports;
}

}  // namespace

NODE_API_MODULE(autobird, init)

}  // namespace autobird::addon
