// A decoder as a JavaScript object; shared by autobird.node (WAV) and audio.node (FFmpeg). Opening reads the file, so it
// happens on the handle's own thread like everything else.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon/convert.h"
#include "addon/recording_encoder.h"
#include "addon/worker.h"
#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"
#include "core/audio/resample.h"

namespace autobird::addon {

struct DecoderState {
  std::shared_ptr<Executor> executor;
  std::shared_ptr<Decoder> decoder;       // JavaScript thread; empty once disposed
  std::optional<HashingEncoder> encoder;  // executor thread
  std::optional<Resampler> resampler;     // executor thread
  bool ended = false;                     // executor thread
  std::atomic<int64_t> decodedSamples{0};
  std::atomic<int64_t> damaged{0};
  std::atomic<bool> truncated{false};
};

inline DecodeLimits toDecodeLimits(const Napi::Value& value) {
  const Napi::Object limits = toObject(value, "limits");
  DecodeLimits result;
  result.maxChannels = static_cast<int>(std::min<int64_t>(toInteger(limits["maxChannels"], "maxChannels"), 65535));
  result.maxSampleRateHz = toNumber(limits["maxSampleRateHz"], "maxSampleRateHz");
  result.maxDurationS = toNumber(limits["maxDurationS"], "maxDurationS");
  return result;
}

inline Napi::Object fromDecoderInfo(Napi::Env env, const DecoderInfo& info) {
  Napi::Object result = Napi::Object::New(env);
  result["container"] = info.container;
  result["codec"] = info.codec;
  result["sampleRateHz"] = Napi::Number::New(env, info.sampleRateHz);
  result["channels"] = Napi::Number::New(env, info.channels);
  result["declaredDurationS"] =
      info.declaredDurationS ? Napi::Value(Napi::Number::New(env, *info.declaredDurationS)) : Napi::Value(env.Null());
  Napi::Object tags = Napi::Object::New(env);
  // The first of equal names wins. Defined, not assigned: a tag may be called __proto__.
  for (const auto& [key, text] : info.tags) {
    if (tags.HasOwnProperty(key)) continue;
    tags.DefineProperty(Napi::PropertyDescriptor::Value(key, Napi::String::New(env, text), napi_default_jsproperty));
  }
  result["tags"] = tags;
  return result;
}

/// Executor thread: decodes and encodes until `stretchSamples` are there or the recording ends.
inline EncodedStretch encodeStretch(DecoderState& state, Decoder& decoder, size_t stretchSamples) {
  std::vector<float> samples;
  while (state.encoder->ready() < stretchSamples) {
    if (state.executor->stopping()) throw Error("aborted", "Decoding was stopped");
    samples.clear();
    decoder.read(1 << 16, samples);
    state.damaged = decoder.damaged();
    state.truncated = decoder.truncated();
    if (samples.empty()) return state.encoder->finish();
    state.encoder->push(samples);
  }
  return state.encoder->take();
}

/// Executor thread: decodes and resamples until `wanted` samples are there or the recording ends; empty at the end.
inline std::vector<float> readAt(DecoderState& state, Decoder& decoder, int64_t targetHz, size_t wanted) {
  const auto sourceHz = static_cast<int64_t>(decoder.info().sampleRateHz);
  const bool resamples = sourceHz != targetHz;
  if (resamples && !state.resampler) state.resampler.emplace(sourceHz, targetHz);
  std::vector<float> samples;
  std::vector<float> block;
  while (!state.ended && samples.size() < wanted) {
    if (state.executor->stopping()) throw Error("aborted", "Decoding was stopped");
    std::vector<float>& read = resamples ? block : samples;
    const size_t before = resamples ? 0 : samples.size();
    block.clear();
    decoder.read(1 << 16, read);
    state.damaged = decoder.damaged();
    state.truncated = decoder.truncated();
    const size_t count = read.size() - before;
    state.decodedSamples += static_cast<int64_t>(count);
    state.ended = count == 0;
    if (!resamples) continue;
    if (state.ended) {
      state.resampler->flush(samples);
    } else {
      state.resampler->push(block.data(), block.size(), samples);
    }
  }
  return samples;
}

inline Napi::Object decoderHandle(Napi::Env env, const std::shared_ptr<DecoderState>& state) {
  Napi::Object handle = Napi::Object::New(env);
  handle["info"] = fromDecoderInfo(env, state->decoder->info());
  handle["read"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&]() -> Napi::Value {
      const int64_t wanted = toInteger(call[0], "maxSamples");
      if (wanted < 1 || wanted > (1 << 26)) throw wrongKind("an integer from 1 to 67108864", "maxSamples", call[0]);
      if (!state->decoder) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoder = state->decoder, wanted] {
            std::vector<float> samples;
            decoder->read(static_cast<size_t>(wanted), samples);
            state->damaged = decoder->damaged();
            state->truncated = decoder->truncated();
            return samples;
          },
          [](Napi::Env env, std::vector<float> samples) -> Napi::Value {
            return samples.empty() ? env.Null() : fromVector(env, samples);
          });
    });
  });
  handle["readAt"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&]() -> Napi::Value {
      const int64_t targetHz = toInteger(call[0], "targetHz");
      const int64_t wanted = toInteger(call[1], "wantedSamples");
      if (wanted < 1 || wanted > (1 << 26)) throw wrongKind("an integer from 1 to 67108864", "wantedSamples", call[1]);
      if (!state->decoder) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoder = state->decoder, targetHz, wanted] {
            return readAt(*state, *decoder, targetHz, static_cast<size_t>(wanted));
          },
          [](Napi::Env env, std::vector<float> samples) -> Napi::Value {
            return samples.empty() ? env.Null() : fromVector(env, samples);
          });
    });
  });
  handle["encode"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&]() -> Napi::Value {
      const int64_t targetHz = toInteger(call[0], "targetHz");
      const int64_t blockSamples = toInteger(call[1], "blockSamples");
      const int64_t stretch = toInteger(call[2], "stretchSamples");
      if (stretch < 1 || stretch > (1 << 26))
        throw wrongKind("an integer from 1 to 67108864", "stretchSamples", call[2]);
      if (!state->decoder) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoder = state->decoder, targetHz, blockSamples, stretch] {
            const auto sourceHz = static_cast<int64_t>(decoder->info().sampleRateHz);
            if (!state->encoder) state->encoder.emplace(sourceHz, targetHz, blockSamples);
            return encodeStretch(*state, *decoder, static_cast<size_t>(stretch));
          },
          fromEncodedStretch);
    });
  });
  handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo&) {
    if (!state->decoder) return;
    state->executor->close();
    state->decoder.reset();
  });
  handle.DefineProperties(
      {Napi::PropertyDescriptor::Accessor(env, handle, "damaged",
                                          [state](const Napi::CallbackInfo& call) -> Napi::Value {
                                            return Napi::Number::New(call.Env(), static_cast<double>(state->damaged));
                                          }),
       Napi::PropertyDescriptor::Accessor(env, handle, "decodedSamples",
                                          [state](const Napi::CallbackInfo& call) -> Napi::Value {
                                            return Napi::Number::New(call.Env(),
                                                                     static_cast<double>(state->decodedSamples));
                                          }),
       Napi::PropertyDescriptor::Accessor(env, handle, "truncated",
                                          [state](const Napi::CallbackInfo& call) -> Napi::Value {
                                            return Napi::Boolean::New(call.Env(), state->truncated);
                                          })});
  return handle;
}

/// `open(source, limits)` runs on the new handle's thread; the promise gives the handle.
template <class Open>
Napi::Value openDecoder(const Napi::CallbackInfo& call, const char* threadName, Open open) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    const DecodeLimits limits = toDecodeLimits(call[1]);
    std::string path;
    std::vector<uint8_t> bytes;
    const bool inMemory = !call[0].IsString();
    if (inMemory) {
      if (!call[0].IsTypedArray()) throw wrongKind("a path or a Uint8Array", "source", call[0]);
      bytes = toVector<uint8_t>(call[0], "source");
    } else {
      path = toText(call[0], "source");
    }
    auto state = std::make_shared<DecoderState>();
    state->executor = Executor::start(env, threadName);
    return state->executor->run(
        env,
        [open, limits, inMemory, path = std::move(path), bytes = std::move(bytes)]() mutable
        -> std::shared_ptr<Decoder> { return open(inMemory ? openMemory(std::move(bytes)) : openFile(path), limits); },
        [state](Napi::Env jsEnv, std::shared_ptr<Decoder> decoder) -> Napi::Value {
          state->damaged = decoder->damaged();
          state->truncated = decoder->truncated();
          state->decoder = std::move(decoder);
          state->executor->onClose([weak = std::weak_ptr<Decoder>(state->decoder)] {
            if (const auto running = weak.lock()) running->interrupt();
          });
          return decoderHandle(jsEnv, state);
        });
  });
}

}  // namespace autobird::addon
