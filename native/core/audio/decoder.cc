#include "core/audio/decoder.h"

#include <cstdio>

#include "core/error.h"

namespace autobird {

namespace {

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

}  // namespace

void checkLimits(const DecodeLimits& limits, int64_t channels, double sampleRateHz) {
  if (channels < 1) throw Error("unreadable", "The header says that there are no channels: the file is damaged");
  if (channels > limits.maxChannels) {
    throw Error("too_many_channels", "The file has " + std::to_string(channels) + " channels, at most " +
                                         std::to_string(limits.maxChannels) +
                                         " are allowed: export the channels you need, or raise the limit");
  }
  if (!(sampleRateHz >= minSampleRateHz) || sampleRateHz > limits.maxSampleRateHz) {
    throw Error("bad_rate", "The file's sample rate is " + shown(sampleRateHz) + " Hz, allowed are " +
                                shown(minSampleRateHz) + " to " + shown(limits.maxSampleRateHz) +
                                " Hz: the header is wrong, or raise the limit");
  }
}

std::string secondsText(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 1 ? "%.2g s" : "%.6g s", seconds);
  return text;
}

void throwTooLong(const DecodeLimits& limits) {
  throw Error("too_long", "The recording is longer than " + shown(limits.maxDurationS) +
                              " s: cut it into shorter files, or raise the limit");
}

}  // namespace autobird
