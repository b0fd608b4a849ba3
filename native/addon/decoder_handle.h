// A decoder as a JavaScript object; shared by autobird.node (WAV) and audio.node (FFmpeg). Opening reads the file, so it
// happens on the decoder's thread like everything else, and goes on to the first stretch of samples where that is wanted.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/decoder_options.h"
#include "addon/decoder_threads.h"
#include "addon/decoding.h"
#include "addon/handle.h"
#include "addon/samples_handle.h"
#include "addon/worker.h"
#include "core/audio/byte_source.h"

namespace autobird::addon {

class DecoderState {
 public:
  explicit DecoderState(DecoderThread thread) : thread_(std::move(thread)) {}

  /// JavaScript thread. Throws `disposed`.
  const std::shared_ptr<Decoding>& use() const {
    if (!decoding_) throw disposed("Decoder");
    return decoding_;
  }
  /// JavaScript thread. What was read while opening, null where nothing was.
  const SamplesBox& ahead() const { return ahead_; }
  Executor& executor() const { return *thread_.executor; }

  /// JavaScript thread.
  void open(std::shared_ptr<Decoding> decoding, SharedSamples ahead) {
    decoding_ = std::move(decoding);
    if (ahead) ahead_ = std::make_shared<SharedSamples>(std::move(ahead));
    if (!thread_.own) return;
    thread_.executor->onClose([weak = std::weak_ptr<Decoding>(decoding_)] {
      if (const auto running = weak.lock()) running->interrupt();
    });
  }

  /// Any thread: what runs ends soon with `aborted`.
  void stop() { stopped_ = true; }

  /// JavaScript thread.
  void dispose() {
    stop();
    if (decoding_) decoding_->interrupt();
    decoding_.reset();
    if (ahead_) ahead_->reset();
    if (thread_.own) thread_.executor->close();
  }

  /// Executor thread: other decoders may use it too, so each looks for itself. Throws `aborted`.
  void throwIfStopped() const {
    if (stopped_ || thread_.executor->stopping()) throw Error("aborted", "Decoding was stopped");
  }

  void report(DecodingProgress progress) {
    const std::lock_guard lock(mutex_);
    progress_ = std::move(progress);
  }
  DecodingProgress progress() const {
    const std::lock_guard lock(mutex_);
    return progress_;
  }

 private:
  DecoderThread thread_;
  std::shared_ptr<Decoding> decoding_;
  SamplesBox ahead_;
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  DecodingProgress progress_;  // under mutex_
};

inline Napi::Object fromProgress(Napi::Env env, const DecodingProgress& progress) {
  Napi::Object result = Napi::Object::New(env);
  result["decodedSamples"] = static_cast<double>(progress.decodedSamples);
  result["ended"] = progress.ended;
  result["damaged"] = static_cast<double>(progress.damaged);
  result["truncated"] = progress.truncated;
  result["notes"] = fromTexts(env, progress.notes);
  result["bestChannel"] = progress.bestChannel;
  return result;
}

inline Napi::Value fromSamples(Napi::Env env, const std::vector<float>& samples) {
  return samples.empty() ? env.Null() : fromVector(env, samples);
}

inline Napi::Object decoderHandle(Napi::Env env, const std::shared_ptr<DecoderState>& state, const DecoderInfo& info) {
  Napi::Object handle = Napi::Object::New(env);
  handle["info"] = fromDecoderInfo(env, info);
  handle["ahead"] = state->ahead() ? Napi::Value(samplesHandle(env, state->ahead())) : Napi::Value(env.Null());
  /// A job on the decoder's thread, after which its progress is known.
  const auto run = [state](Napi::Env jsEnv, auto body, auto toValue) {
    return state->executor().run(
        jsEnv,
        [state, decoding = state->use(), body] {
          auto result = body(*decoding);
          state->report(decoding->progress());
          return result;
        },
        toValue);
  };
  addMethod(handle, "read", [run](const Napi::CallbackInfo& call) -> Napi::Value {
    const size_t wanted = toSampleCount(call[0], "maxSamples");
    return run(
        call.Env(), [wanted](Decoding& decoding) { return decoding.read(wanted); }, fromSamples);
  });
  addMethod(handle, "readAt", [run](const Napi::CallbackInfo& call) -> Napi::Value {
    const int64_t targetHz = toInteger(call[0], "targetHz");
    const size_t wanted = toSampleCount(call[1], "wantedSamples");
    return run(
        call.Env(), [targetHz, wanted](Decoding& decoding) { return decoding.readAt(targetHz, wanted); }, fromSamples);
  });
  addMethod(handle, "encode", [run](const Napi::CallbackInfo& call) -> Napi::Value {
    const int64_t targetHz = toInteger(call[0], "targetHz");
    const int64_t blockSamples = toInteger(call[1], "blockSamples");
    const size_t stretch = toSampleCount(call[2], "stretchSamples");
    return run(
        call.Env(), [=](Decoding& decoding) { return decoding.encode(targetHz, blockSamples, stretch); },
        fromEncodedStretch);
  });
  addMethod(handle, "progress", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return fromProgress(call.Env(), state->progress());
  });
  addMethod(handle, "dispose", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    state->dispose();
    return call.Env().Undefined();
  });
  return handle;
}

/// The promise of a decoder, and what stops it. It does not keep the state: V8 collects it when it likes, and the thread of a
/// file that could not be opened ends with the state.
inline Napi::Object openingHandle(Napi::Env env, const std::shared_ptr<DecoderState>& state, Napi::Promise decoder) {
  Napi::Object handle = Napi::Object::New(env);
  handle["decoder"] = decoder;
  addMethod(handle, "stop", [weak = std::weak_ptr(state)](const Napi::CallbackInfo& call) -> Napi::Value {
    if (const auto opening = weak.lock()) opening->stop();
    return call.Env().Undefined();
  });
  return handle;
}

/// `open(source, options)` runs on the decoder's thread. Gives the promise of the handle and what stops it: a recording that
/// is no longer wanted must not keep the thread from those of others.
template <class Open>
Napi::Value openDecoder(const Napi::CallbackInfo& call, const char* threadName, Open open) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    const Napi::Env env = call.Env();
    const bool inMemory = !call[0].IsString();
    if (inMemory && !call[0].IsTypedArray()) throw wrongKind("a path or a Uint8Array", "source", call[0]);
    const OpenOptions options = toOpenOptions(call[1]);
    std::string path = inMemory ? "" : toText(call[0], "source");
    std::vector<uint8_t> bytes = inMemory ? toVector<uint8_t>(call[0], "source") : std::vector<uint8_t>();
    const auto state = std::make_shared<DecoderState>(chooseThread(env, threadName, inMemory));
    struct Opened {
      std::shared_ptr<Decoding> decoding;
      DecoderInfo info;
      SharedSamples ahead;
    };
    const Napi::Promise decoder = state->executor().run(
        env,
        [state, open, options, inMemory, path = std::move(path), bytes = std::move(bytes)]() mutable {
          state->throwIfStopped();
          auto source = openRange(inMemory ? openMemory(std::move(bytes)) : openFile(path), options.range);
          // Not the state itself: the decoding would keep what keeps it.
          auto throwIfStopped = [watched = state.get()] { watched->throwIfStopped(); };
          Opened opened{
              std::make_shared<Decoding>(open(std::move(source), options.decode), throwIfStopped), {}, nullptr};
          if (options.ahead) {
            const auto samples = opened.decoding->readAt(options.ahead->targetHz, options.ahead->samples);
            opened.ahead = std::make_shared<const Samples>(samples.begin(), samples.end());
          }
          opened.info = opened.decoding->info();
          const DecodingProgress progress = opened.decoding->progress();
          state->report(progress);
          // With its samples, it would wait for the network.
          if (progress.ended) opened.decoding->release();
          return opened;
        },
        [state](Napi::Env jsEnv, Opened opened) -> Napi::Value {
          state->open(std::move(opened.decoding), std::move(opened.ahead));
          return decoderHandle(jsEnv, state, opened.info);
        });
    return openingHandle(env, state, decoder);
  });
}

}  // namespace autobird::addon
