// The options with which JavaScript opens a decoder, and the facts that a decoder gives of its file.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "addon/convert.h"
#include "core/audio/byte_source.h"
#include "core/audio/channel_mixer.h"
#include "core/audio/decoder.h"

namespace autobird::addon {

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

/// Not NaN, than which nothing is larger.
inline double toLimit(const Napi::Value& value, const std::string& name) {
  const double limit = toNumber(value, name);
  if (!(limit >= 0)) throw wrongKind("a number not below 0", name, value);
  return limit;
}

inline DecodeLimits toDecodeLimits(const Napi::Value& value) {
  const Napi::Object limits = toObject(value, "limits");
  DecodeLimits result;
  result.maxChannels = static_cast<int>(std::min<int64_t>(toInteger(limits["maxChannels"], "maxChannels"), 65535));
  result.maxSampleRateHz = toLimit(limits["maxSampleRateHz"], "maxSampleRateHz");
  result.maxDurationS = toLimit(limits["maxDurationS"], "maxDurationS");
  return result;
}

inline ByteRange toByteRange(const Napi::Value& value) {
  if (value.IsNull()) return {};
  const Napi::Object range = toObject(value, "range");
  const int64_t start = toInteger(range["start"], "range.start");
  const int64_t end = toInteger(range["end"], "range.end");
  if (start < 0 || end < start) throw wrongKind("at least the range's start", "range.end", range["end"]);
  return {static_cast<uint64_t>(start), static_cast<uint64_t>(end)};
}

/// All options beside the source.
struct OpenOptions {
  DecodeOptions decode;
  std::optional<ReadAhead> ahead;
  ByteRange range;
};

inline int toChannel(const Napi::Value& value) {
  const int64_t channel = toInteger(value, "channel");
  if (channel < choosesChannel || channel > 65535) throw wrongKind("an integer from -1 to 65535", "channel", value);
  return static_cast<int>(channel);
}

inline OpenOptions toOpenOptions(const Napi::Value& value) {
  const Napi::Object options = toObject(value, "options");
  return {{toDecodeLimits(options["limits"]), toChannel(options["channel"])},
          toReadAhead(options["ahead"]),
          toByteRange(options["range"])};
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
  constexpr size_t kMaxTags = 512;
  constexpr size_t kMaxTagBytes = 1 << 16;  // a picture as text has megabytes
  size_t count = 0;
  for (const auto& [key, text] : info.tags) {
    if (text.size() > kMaxTagBytes || key.size() > kMaxTagBytes || tags.HasOwnProperty(key)) continue;
    if (++count > kMaxTags) break;
    tags.DefineProperty(Napi::PropertyDescriptor::Value(key, Napi::String::New(env, text), napi_default_jsproperty));
  }
  result["tags"] = tags;
  return result;
}

}  // namespace autobird::addon
