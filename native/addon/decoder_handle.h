// A decoder as a JavaScript object; shared by autobird.node (WAV) and audio.node (FFmpeg). Opening reads the file, so it
// happens on the decoder's thread like everything else, and goes on to the first stretch of samples where it is asked to.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon/convert.h"
#include "addon/recording_encoder.h"
#include "addon/samples_handle.h"
#include "addon/worker.h"
#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"
#include "core/audio/resample.h"
#include "core/audio/samples.h"

namespace autobird::addon {

/// What the executor thread works with: megabytes, which go when the decoder was disposed and its last job has ended, not with
/// the handle, which V8 keeps until it happens to collect garbage.
struct Decoding {
  std::shared_ptr<Decoder> decoder;  // null once the recording was read to its end while it was opened
  std::optional<HashingEncoder> encoder;
  std::optional<Resampler> resampler;
  int64_t targetHz = 0;  // of the encoder or resampler; 0 before the first

  /// One recording is read at one rate. Throws invalid_argument.
  void readsAt(int64_t wantedHz) {
    if (targetHz == 0) targetHz = wantedHz;
    if (targetHz == wantedHz) return;
    throw invalidArgument("The recording is already read at " + std::to_string(targetHz) +
                          " Hz: open it again to read it at " + std::to_string(wantedHz) + " Hz");
  }
};

struct DecoderState {
  std::shared_ptr<Executor> executor;
  std::shared_ptr<Decoding> decoding;  // JavaScript thread; empty once disposed
  SamplesBox ahead;                    // JavaScript thread; what was read while opening, null where nothing was
  std::atomic<bool> ended{false};
  std::atomic<int64_t> decodedSamples{0};
  std::atomic<int64_t> damaged{0};
  std::atomic<bool> truncated{false};
  std::atomic<bool> disposed{false};  // or stopped while it was opened
  bool ownsExecutor = false;

  /// Executor thread: other decoders may use it too, so each asks for itself. Throws `aborted`.
  void throwIfStopped() const {
    if (disposed || executor->stopping()) throw Error("aborted", "Decoding was stopped");
  }
};

/// The thread that decodes. A recording in memory never waits, so such decoders share a thread a core: that with the least to
/// do, to which a decoder then keeps; these give way to the threads that receive and answer. A file may wait for a disk or a
/// network, so it has a thread of its own.
inline void chooseExecutor(Napi::Env env, const char* threadName, bool inMemory, DecoderState& state) {
  auto& pool = env.GetInstanceData<Environment>()->decoderExecutors;
  state.ownsExecutor = !inMemory;
  if (!inMemory || pool.size() < std::max(1U, std::thread::hardware_concurrency())) {
    state.executor = Executor::start(env, threadName, /*givesWay=*/inMemory);
    if (inMemory) pool.push_back(state.executor);
    return;
  }
  state.executor = *std::min_element(pool.begin(), pool.end(),
                                     [](const auto& a, const auto& b) { return a->pending() < b->pending(); });
}

/// What is read while opening.
struct ReadAhead {
  int64_t targetHz = 0;
  size_t samples = 0;
};

/// The number of samples of one crossing. Throws `invalid_argument`.
inline size_t toSampleCount(const Napi::Value& value, const std::string& name) {
  const int64_t count = toInteger(value, name);
  if (count < 1 || count > (1 << 26)) throw wrongKind("an integer from 1 to 67108864", name, value);
  return static_cast<size_t>(count);
}

inline std::optional<ReadAhead> toReadAhead(const Napi::Value& value) {
  if (value.IsNull()) return std::nullopt;
  const Napi::Object ahead = toObject(value, "ahead");
  return ReadAhead{toInteger(ahead["targetHz"], "ahead.targetHz"), toSampleCount(ahead["samples"], "ahead.samples")};
}

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
inline EncodedStretch encodeStretch(DecoderState& state, Decoding& decoding, size_t stretchSamples) {
  Decoder& decoder = *decoding.decoder;
  HashingEncoder& encoder = *decoding.encoder;
  std::vector<float> samples;
  while (encoder.ready() < stretchSamples) {
    state.throwIfStopped();
    samples.clear();
    decoder.read(1 << 16, samples);
    state.damaged = decoder.damaged();
    state.truncated = decoder.truncated();
    if (samples.empty()) return encoder.finish();
    encoder.push(samples);
  }
  return encoder.take();
}

/// Executor thread: decodes and resamples until `wanted` samples are there or the recording ends; empty at the end.
inline std::vector<float> readAt(DecoderState& state, Decoding& decoding, int64_t targetHz, size_t wanted) {
  if (state.ended) return {};
  decoding.readsAt(targetHz);
  Decoder& decoder = *decoding.decoder;
  const auto sourceHz = static_cast<int64_t>(decoder.info().sampleRateHz);
  const bool resamples = sourceHz != targetHz;
  if (resamples && !decoding.resampler) decoding.resampler.emplace(sourceHz, targetHz);
  std::vector<float> samples;
  std::vector<float> block;
  while (!state.ended && samples.size() < wanted) {
    state.throwIfStopped();
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
      decoding.resampler->flush(samples);
    } else {
      decoding.resampler->push(block.data(), block.size(), samples);
    }
  }
  return samples;
}

inline Napi::Object decoderHandle(Napi::Env env, const std::shared_ptr<DecoderState>& state, const DecoderInfo& info) {
  Napi::Object handle = Napi::Object::New(env);
  handle["info"] = fromDecoderInfo(env, info);
  handle["ahead"] = state->ahead ? Napi::Value(samplesHandle(env, state->ahead)) : Napi::Value(env.Null());
  handle["read"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&]() -> Napi::Value {
      const size_t wanted = toSampleCount(call[0], "maxSamples");
      if (!state->decoding) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoding = state->decoding, wanted] {
            std::vector<float> samples;
            if (!decoding->decoder) return samples;
            Decoder& decoder = *decoding->decoder;
            for (size_t before = 1; samples.size() < wanted && samples.size() != before;) {
              state->throwIfStopped();
              before = samples.size();
              decoder.read(std::min<size_t>(wanted - before, 1 << 16), samples);
            }
            state->damaged = decoder.damaged();
            state->truncated = decoder.truncated();
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
      const size_t wanted = toSampleCount(call[1], "wantedSamples");
      if (!state->decoding) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoding = state->decoding, targetHz, wanted] { return readAt(*state, *decoding, targetHz, wanted); },
          [](Napi::Env env, std::vector<float> samples) -> Napi::Value {
            return samples.empty() ? env.Null() : fromVector(env, samples);
          });
    });
  });
  handle["encode"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return guarded(call.Env(), [&]() -> Napi::Value {
      const int64_t targetHz = toInteger(call[0], "targetHz");
      const int64_t blockSamples = toInteger(call[1], "blockSamples");
      const size_t stretch = toSampleCount(call[2], "stretchSamples");
      if (!state->decoding) throw Error("disposed", "Decoder was disposed: open the file again");
      return state->executor->run(
          call.Env(),
          [state, decoding = state->decoding, targetHz, blockSamples, stretch] {
            if (!decoding->decoder) throw Error("invalid_argument", "The recording was read to its end already");
            decoding->readsAt(targetHz);
            const auto sourceHz = static_cast<int64_t>(decoding->decoder->info().sampleRateHz);
            if (!decoding->encoder) decoding->encoder.emplace(sourceHz, targetHz, blockSamples);
            return encodeStretch(*state, *decoding, stretch);
          },
          fromEncodedStretch);
    });
  });
  handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo&) {
    if (!state->decoding) return;
    state->disposed = true;
    if (state->decoding->decoder) state->decoding->decoder->interrupt();
    state->decoding.reset();
    if (state->ahead) state->ahead->reset();
    if (state->ownsExecutor) state->executor->close();
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
       Napi::PropertyDescriptor::Accessor(env, handle, "ended",
                                          [state](const Napi::CallbackInfo& call) -> Napi::Value {
                                            return Napi::Boolean::New(call.Env(), state->ended);
                                          }),
       Napi::PropertyDescriptor::Accessor(env, handle, "truncated",
                                          [state](const Napi::CallbackInfo& call) -> Napi::Value {
                                            return Napi::Boolean::New(call.Env(), state->truncated);
                                          })});
  return handle;
}

/// The promise of a decoder, and what stops it. It does not keep the state: V8 collects it when it likes, and the thread of a
/// file that could not be opened ends with the state.
inline Napi::Object openingHandle(Napi::Env env, const std::shared_ptr<DecoderState>& state, Napi::Promise decoder) {
  Napi::Object handle = Napi::Object::New(env);
  handle["decoder"] = decoder;
  handle["stop"] = Napi::Function::New(env, [weak = std::weak_ptr(state)](const Napi::CallbackInfo&) {
    if (const auto opening = weak.lock()) opening->disposed = true;
  });
  return handle;
}

/// `open(source, limits)` runs on the decoder's thread. Gives the promise of the handle and what stops it: a recording that
/// nobody waits for any more must not keep the thread from those of others.
template <class Open>
Napi::Value openDecoder(const Napi::CallbackInfo& call, const char* threadName, Open open) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    const DecodeLimits limits = toDecodeLimits(call[1]);
    const std::optional<ReadAhead> ahead = toReadAhead(call[2]);
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
    chooseExecutor(env, threadName, inMemory, *state);
    struct Opened {
      std::shared_ptr<Decoding> decoding;
      DecoderInfo info;
      SharedSamples ahead;
    };
    const Napi::Promise decoder = state->executor->run(
        env,
        [state, open, limits, ahead, inMemory, path = std::move(path), bytes = std::move(bytes)]() mutable {
          state->throwIfStopped();
          Opened opened{std::make_shared<Decoding>(), {}, nullptr};
          opened.decoding->decoder = open(inMemory ? openMemory(std::move(bytes)) : openFile(path), limits);
          if (ahead) {
            const auto samples = readAt(*state, *opened.decoding, ahead->targetHz, ahead->samples);
            opened.ahead = std::make_shared<const Samples>(samples.begin(), samples.end());
          }
          state->damaged = opened.decoding->decoder->damaged();
          state->truncated = opened.decoding->decoder->truncated();
          opened.info = opened.decoding->decoder->info();
          // Its bytes, tables and buffers would wait for the network with its samples.
          if (state->ended) *opened.decoding = {};
          return opened;
        },
        [state](Napi::Env jsEnv, Opened opened) -> Napi::Value {
          state->decoding = std::move(opened.decoding);
          if (opened.ahead) state->ahead = std::make_shared<SharedSamples>(std::move(opened.ahead));
          if (state->ownsExecutor) {
            state->executor->onClose([weak = std::weak_ptr<Decoder>(state->decoding->decoder)] {
              if (const auto running = weak.lock()) running->interrupt();
            });
          }
          return decoderHandle(jsEnv, state, opened.info);
        });
    return openingHandle(env, state, decoder);
  });
}

}  // namespace autobird::addon
