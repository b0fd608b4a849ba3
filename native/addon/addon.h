// What addon.cc registers, each defined in the file of its handle.
#pragma once

#include <napi.h>

namespace autobird::addon {

/// runtime.cc
void loadCudaIfPresent();
Napi::Value runtimeInfo(const Napi::CallbackInfo& info);
Napi::Value releaseFreeMemory(const Napi::CallbackInfo& info);
/// trainer.cc
Napi::Value createTrainer(const Napi::CallbackInfo& info);
/// engine.cc
Napi::Value createEngine(const Napi::CallbackInfo& info);
/// shards.cc
Napi::Value openShards(const Napi::CallbackInfo& info);
/// log_mel.cc
Napi::Value createLogMel(const Napi::CallbackInfo& info);
/// audio.cc
Napi::Value createResampler(const Napi::CallbackInfo& info);
Napi::Value openWav(const Napi::CallbackInfo& info);
Napi::Value createChannelMixer(const Napi::CallbackInfo& info);
Napi::Value createRecordingEncoder(const Napi::CallbackInfo& info);

}  // namespace autobird::addon
