// Encodes a recording for a shard, from any decoder; shared by autobird.node and audio.node.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/sha256.h"
#include "core/audio/recording_encoder.h"

namespace autobird::addon {

/// Blocks of a recording that are ready, and with the last of them what is known of the whole.
struct EncodedStretch {
  EncodedPcm blocks;
  bool last = false;
  RecordingLevels levels;
  std::string audioHash;
};

/// RecordingEncoder that also hashes the samples it is given.
class HashingEncoder {
 public:
  HashingEncoder(int64_t sourceHz, int64_t targetHz, int64_t blockSamples)
      : encoder_(sourceHz, targetHz, blockSamples) {}

  size_t ready() const { return encoder_.ready(); }

  void push(const std::vector<float>& samples) {
    hash_.update(samples.data(), samples.size() * sizeof(float));
    encoder_.push(samples.data(), samples.size());
  }

  EncodedStretch take() {
    EncodedStretch stretch;
    stretch.blocks = encoder_.take();
    return stretch;
  }

  EncodedStretch finish() {
    encoder_.finish();
    EncodedStretch stretch = take();
    stretch.last = true;
    stretch.levels = encoder_.levels();
    stretch.audioHash = hash_.hex();
    return stretch;
  }

 private:
  RecordingEncoder encoder_;
  Sha256 hash_;
};

inline Napi::Value fromEncodedStretch(Napi::Env env, const EncodedStretch& stretch) {
  Napi::Object result = Napi::Object::New(env);
  result["pcm"] = fromVector(env, stretch.blocks.pcm);
  result["scales"] = fromVector(env, stretch.blocks.scales);
  result["whole"] = env.Null();
  if (stretch.last) {
    Napi::Object whole = Napi::Object::New(env);
    whole["audioHash"] = stretch.audioHash;
    whole["sourceSamples"] = Napi::Number::New(env, static_cast<double>(stretch.levels.sourceSamples));
    whole["sampleCount"] = Napi::Number::New(env, static_cast<double>(stretch.levels.sampleCount));
    whole["peak"] = Napi::Number::New(env, stretch.levels.peak);
    whole["squares"] = Napi::Number::New(env, stretch.levels.squares);
    result["whole"] = whole;
  }
  return result;
}

}  // namespace autobird::addon
