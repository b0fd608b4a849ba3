// Signals that need no LibTorch: WAV, resampling, downmix, encoding for shards.
#include <limits>

#include "addon/addon.h"
#include "addon/decoder_handle.h"
#include "core/audio/downmix.h"
#include "core/audio/resample.h"
#include "core/audio/wav.h"

namespace autobird::addon {

Napi::Value openWav(const Napi::CallbackInfo& call) {
  return openDecoder(call, "autobird wav", [](std::unique_ptr<ByteSource> source, const DecodeLimits& limits) {
    return autobird::openWav(std::move(source), limits);
  });
}

namespace {

struct ResamplerState {
  std::shared_ptr<Executor> executor;
  std::shared_ptr<Resampler> resampler;  // JavaScript thread; empty once disposed
};

/// A job of the resampler that appends to a vector, which becomes the promise's Float32Array.
template <class Body>
Napi::Value resamplerJob(Napi::Env env, const std::shared_ptr<ResamplerState>& state, Body body) {
  if (!state->resampler) throw Error("disposed", "Resampler was disposed: make a new one before using it again");
  return state->executor->run(
      env,
      [resampler = state->resampler, body = std::move(body)]() mutable {
        std::vector<float> out;
        body(*resampler, out);
        return out;
      },
      [](Napi::Env jsEnv, const std::vector<float>& out) { return fromVector(jsEnv, out); });
}

}  // namespace

Napi::Value createResampler(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    auto state = std::make_shared<ResamplerState>();
    state->resampler = std::make_shared<Resampler>(toInteger(call[0], "sourceHz"), toInteger(call[1], "targetHz"));
    state->executor = Executor::start(env, "autobird resampler");
    Napi::Object handle = Napi::Object::New(env);
    handle["push"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& push) -> Napi::Value {
      return guarded(push.Env(), [&] {
        return resamplerJob(push.Env(), state,
                            [samples = toVector<float>(push[0], "samples")](Resampler& resampler, auto& out) {
                              resampler.push(samples.data(), samples.size(), out);
                            });
      });
    });
    handle["flush"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& flush) -> Napi::Value {
      return guarded(flush.Env(), [&] {
        return resamplerJob(flush.Env(), state, [](Resampler& resampler, auto& out) { resampler.flush(out); });
      });
    });
    handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo&) {
      if (!state->resampler) return;
      state->executor->close();
      state->resampler.reset();
    });
    return handle;
  });
}

Napi::Value downmix(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Array channels = toArray(call[0], "channels");
    if (channels.Length() == 0) throw wrongKind("at least one channel", "channels", channels);
    std::vector<const float*> planes;
    size_t frames = 0;
    for (uint32_t c = 0; c < channels.Length(); ++c) {
      const auto plane = toTyped<float>(channels[c], "a channel");
      if (c == 0) frames = plane.ElementLength();
      if (plane.ElementLength() != frames) {
        throw invalidArgument("Expected channels of equal length but received " + std::to_string(frames) + " and " +
                              std::to_string(plane.ElementLength()) + " samples");
      }
      planes.push_back(plane.Data());
    }
    auto out = Napi::Float32Array::New(call.Env(), frames);
    downmixPlanar(planes.data(), frames, static_cast<int>(planes.size()), out.Data());
    return out;
  });
}

Napi::Value downmixInterleaved(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const auto samples = toTyped<float>(call[0], "samples");
    const int64_t channels = toInteger(call[1], "channels");
    if (channels < 1 || channels > std::numeric_limits<int>::max() ||
        samples.ElementLength() % static_cast<size_t>(channels) != 0) {
      throw wrongKind("a divisor of the " + std::to_string(samples.ElementLength()) + " samples", "channels", call[1]);
    }
    const size_t frames = samples.ElementLength() / static_cast<size_t>(channels);
    auto out = Napi::Float32Array::New(call.Env(), frames);
    autobird::downmixInterleaved(samples.Data(), frames, static_cast<int>(channels), out.Data());
    return out;
  });
}

Napi::Value createRecordingEncoder(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    struct State {
      std::shared_ptr<HashingEncoder> encoder;  // empty once disposed; V8 keeps the handle
      std::shared_ptr<Executor> executor;
      std::shared_ptr<HashingEncoder> use() const {
        if (!encoder) throw Error("disposed", "RecordingEncoder was disposed: make a new one before using it again");
        return encoder;
      }
    };
    auto state = std::make_shared<State>();
    state->encoder = std::make_shared<HashingEncoder>(toInteger(call[0], "sourceHz"), toInteger(call[1], "targetHz"),
                                                      toInteger(call[2], "blockSamples"));
    state->executor = Executor::start(env, "autobird recording encoder");
    Napi::Object handle = Napi::Object::New(env);
    handle["push"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& push) -> Napi::Value {
      return guarded(push.Env(), [&]() -> Napi::Value {
        return state->executor->run(
            push.Env(),
            [encoder = state->use(), samples = toVector<float>(push[0], "samples")] {
              encoder->push(samples);
              return encoder->take();
            },
            fromEncodedStretch);
      });
    });
    handle["finish"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& finish) -> Napi::Value {
      return guarded(finish.Env(), [&]() -> Napi::Value {
        return state->executor->run(
            finish.Env(), [encoder = state->use()] { return encoder->finish(); }, fromEncodedStretch);
      });
    });
    handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo&) {
      state->encoder.reset();
      state->executor->close();
    });
    return handle;
  });
}

}  // namespace autobird::addon
