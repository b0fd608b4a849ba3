// The table of everything audio.node gives to JavaScript; bindings/native.ts is its typed mirror.
#include "addon/decoder_handle.h"
#include "addon/worker.h"
#include "audio/ffmpeg.h"

namespace autobird::addon {
namespace {

void initialize(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Environment>()->makeError = Napi::Persistent(info[0].As<Napi::Function>());
}

Napi::Value openFfmpeg(const Napi::CallbackInfo& call) {
  return openDecoder(call, "autobird ffmpeg", [](std::unique_ptr<ByteSource> source, const DecodeOptions& options) {
    return autobird::openFfmpeg(std::move(source), options);
  });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  prepareFfmpeg();
  env.SetInstanceData(new Environment());

  exports["initialize"] = Napi::Function::New(env, initialize, "initialize");
  exports["ffmpegVersion"] = ffmpegVersion();
  exports["openFfmpeg"] = Napi::Function::New(env, openFfmpeg, "openFfmpeg");
  return exports;
}

}  // namespace

NODE_API_MODULE(audio, init)

}  // namespace autobird::addon
