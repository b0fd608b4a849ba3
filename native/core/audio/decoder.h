// What every native decoder is: it streams mono samples at the file's own rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace autobird {

struct DecodeLimits {
  int maxChannels = 64;
  double maxSampleRateHz = 768000;
  double maxDurationS = 86400;
};

struct DecodeOptions {
  DecodeLimits limits;
  int channel = 0;  // see ChannelMixer
};

/// Tags as text: container-neutral names (`title`, `artist`, `comment`, `date`, `origination_date`, …) as FFmpeg spells
/// them, and `guano.<Key>` for GUANO.
struct DecoderInfo {
  std::string container;
  std::string codec;
  double sampleRateHz = 0;
  int channels = 0;
  std::optional<double> declaredDurationS;
  std::vector<std::pair<std::string, std::string>> tags;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const DecoderInfo& info() const = 0;
  /// Appends up to `maxSamples` mono samples; false when there are no more.
  virtual bool read(size_t maxSamples, std::vector<float>& out) = 0;
  virtual int64_t damaged() const = 0;
  virtual bool truncated() const = 0;
  /// Warnings about the recording, in sentences without a capital and a full stop; final at the end.
  virtual std::vector<std::string> notes() const = 0;
  /// The channel with the best signal, from 1; see ChannelMixer.
  virtual int bestChannel() const = 0;
  /// From any thread: a read that is going on ends soon with code `aborted`.
  virtual void interrupt() {}
};

constexpr double minSampleRateHz = 100;

/// Throws too_many_channels or bad_rate. Called before anything is allocated for the signal.
void checkLimits(const DecodeLimits& limits, int64_t channels, double sampleRateHz);

/// Seconds for people: *0.001*, *36000*.
std::string secondsText(double seconds);

/// too_long, for a file that holds (or has given so far) more than the limit.
[[noreturn]] void throwTooLong(const DecodeLimits& limits);

}  // namespace autobird
