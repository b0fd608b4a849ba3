// Signals that need no LibTorch: WAV, resampling, channels, encoding for shards.
#include <limits>

#include "addon/addon.h"
#include "addon/decoder_handle.h"
#include "addon/handle.h"
#include "core/audio/channel_mixer.h"
#include "core/audio/resample.h"
#include "core/audio/wav.h"

namespace autobird::addon {

Napi::Value openWav(const Napi::CallbackInfo& call) {
  return openDecoder(call, "autobird wav", [](std::unique_ptr<ByteSource> source, const DecodeOptions& options) {
    return autobird::openWav(std::move(source), options);
  });
}

namespace {

constexpr HandleKind kResampler{"Resampler", "autobird resampler", {0x6175746f62697264, 0x526573616d706c65}};
constexpr HandleKind kRecordingEncoder{
    "RecordingEncoder", "autobird recording encoder", {0x6175746f62697264, 0x456e636f64657200}};

}  // namespace

Napi::Value createResampler(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto core = std::make_shared<Resampler>(toInteger(info[0], "sourceHz"), toInteger(info[1], "targetHz"));
    return makeHandle(info.Env(), kResampler, core, [](Napi::Object handle, const SharedState<Resampler>& state) {
      addMethod(handle, "push", [state](const Napi::CallbackInfo& call) -> Napi::Value {
        return state->run(
            call.Env(),
            [samples = toVector<float>(call[0], "samples")](Resampler& resampler) {
              std::vector<float> out;
              resampler.push(samples.data(), samples.size(), out);
              return out;
            },
            fromFloats);
      });
      addMethod(handle, "flush", [state](const Napi::CallbackInfo& call) -> Napi::Value {
        return state->run(
            call.Env(),
            [](Resampler& resampler) {
              std::vector<float> out;
              resampler.flush(out);
              return out;
            },
            fromFloats);
      });
    });
  });
}

Napi::Value createChannelMixer(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    // Small, and done in microseconds a block: it works on the JavaScript thread and goes with the handle.
    const auto mixer = std::make_shared<ChannelMixer>(toChannel(info[0]), toNumber(info[1], "sampleRateHz"));
    Napi::Object handle = Napi::Object::New(info.Env());
    addMethod(handle, "planar", [mixer](const Napi::CallbackInfo& call) -> Napi::Value {
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
      mixer->planar(planes.data(), frames, static_cast<int>(planes.size()), out.Data());
      return out;
    });
    addMethod(handle, "interleaved", [mixer](const Napi::CallbackInfo& call) -> Napi::Value {
      const auto samples = toTyped<float>(call[0], "samples");
      const int64_t channels = toInteger(call[1], "channels");
      if (channels < 1 || channels > std::numeric_limits<int>::max() ||
          samples.ElementLength() % static_cast<size_t>(channels) != 0) {
        throw wrongKind("a divisor of the " + std::to_string(samples.ElementLength()) + " samples", "channels",
                        call[1]);
      }
      const size_t frames = samples.ElementLength() / static_cast<size_t>(channels);
      auto out = Napi::Float32Array::New(call.Env(), frames);
      mixer->interleaved(samples.Data(), frames, static_cast<int>(channels), out.Data());
      return out;
    });
    addMethod(handle, "notes",
              [mixer](const Napi::CallbackInfo& call) -> Napi::Value { return fromTexts(call.Env(), mixer->notes()); });
    addMethod(handle, "best", [mixer](const Napi::CallbackInfo& call) -> Napi::Value {
      return Napi::Number::New(call.Env(), mixer->best());
    });
    return handle;
  });
}

Napi::Value createRecordingEncoder(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto core = std::make_shared<HashingEncoder>(toInteger(info[0], "sourceHz"), toInteger(info[1], "targetHz"),
                                                       toInteger(info[2], "blockSamples"));
    return makeHandle(info.Env(), kRecordingEncoder, core,
                      [](Napi::Object handle, const SharedState<HashingEncoder>& state) {
                        addMethod(handle, "push", [state](const Napi::CallbackInfo& call) -> Napi::Value {
                          return state->run(
                              call.Env(),
                              [samples = toVector<float>(call[0], "samples")](HashingEncoder& encoder) {
                                encoder.push(samples);
                                return encoder.take();
                              },
                              fromEncodedStretch);
                        });
                        addMethod(handle, "finish", [state](const Napi::CallbackInfo& call) -> Napi::Value {
                          return state->run(
                              call.Env(), [](HashingEncoder& encoder) { return encoder.finish(); }, fromEncodedStretch);
                        });
                      });
  });
}

}  // namespace autobird::addon
