// Samples that stay in C++ on their way from a decoder to an engine: JavaScript knows how many there are and passes them on.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "addon/convert.h"
#include "addon/worker.h"
#include "core/audio/samples.h"

namespace autobird::addon {

/// Samples that jobs of several threads may read.
using SharedSamples = std::shared_ptr<const Samples>;

/// What a handle points to; empty once its decoder has released them. JavaScript thread.
using SamplesBox = std::shared_ptr<SharedSamples>;

/// The decoder's addon makes it and the engine's takes it, so the tag is known to both.
constexpr napi_type_tag kSamplesTag{0x6175746f62697264, 0x53616d706c657300};

inline Napi::Object samplesHandle(Napi::Env env, const SamplesBox& box) {
  Napi::Object handle = Napi::Object::New(env);
  handle.TypeTag(&kSamplesTag);
  auto held = std::make_unique<SamplesBox>(box);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<SamplesBox*>(data); };
  if (napi_wrap(env, handle, held.get(), finalize, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  held.release();
  handle["length"] = static_cast<double>((*box)->size());
  handle["toArray"] = Napi::Function::New(env, [box](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&] {
      if (!*box) throw disposed("Decoder");
      return fromVector(call.Env(), **box);
    });
  });
  return handle;
}

/// A copy of a Float32Array, or what a handle of samples points to.
inline SharedSamples toSamples(const Napi::Value& value, const std::string& name) {
  if (value.IsTypedArray()) {
    const auto typed = toTyped<float>(value, name);
    return std::make_shared<const Samples>(typed.Data(), typed.Data() + typed.ElementLength());
  }
  void* data = nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kSamplesTag) ||
      napi_unwrap(value.Env(), value, &data) != napi_ok) {
    throw wrongKind("a Float32Array or samples of a decoder", name, value);
  }
  SharedSamples samples = **static_cast<SamplesBox*>(data);
  if (!samples) throw disposed("Decoder");
  return samples;
}

}  // namespace autobird::addon
