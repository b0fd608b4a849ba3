// FeatureOptions of bindings/native.ts as the struct of core.
#pragma once

#include <limits>

#include "addon/convert.h"
#include "core/features/log_mel.h"

namespace autobird::addon {

/// Types are checked here, ranges by LogMel.
inline FeatureOptions toFeatureOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "features");
  const auto integer = [&](const char* name) {
    const int64_t number = toInteger(object[name], name);
    if (number < 0 || number > std::numeric_limits<int>::max())
      throw wrongKind("a positive integer", name, object[name]);
    return static_cast<int>(number);
  };
  FeatureOptions options;
  options.sampleRateHz = integer("sampleRateHz");
  options.nFft = integer("nFft");
  options.hopSamples = integer("hopSamples");
  options.nMels = integer("nMels");
  options.fMinHz = toNumber(object["fMinHz"], "fMinHz");
  options.fMaxHz = toNumber(object["fMaxHz"], "fMaxHz");
  options.logOffset = toNumber(object["logOffset"], "logOffset");
  options.background = backgroundFromName(toText(object["background"], "background"));
  return options;
}

}  // namespace autobird::addon
