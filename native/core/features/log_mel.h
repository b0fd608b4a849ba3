// Log-mel spectrograms as torchaudio's MelSpectrogram makes them (HTK scale, no norm, periodic Hann window, centred frames
// with reflected ends, power 2, one-sided), followed by log(power + logOffset) and, by option, removal of the background.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/features/simd.h"

namespace autobird {

enum class Background { none, median, pcen };

/// The same fields as `FeatureOptions` of bindings/native.ts.
struct FeatureOptions {
  int sampleRateHz = 22050;
  int nFft = 1024;  // a power of two, 16..65536
  int hopSamples = 320;
  int nMels = 80;
  double fMinHz = 60;
  double fMaxHz = 10800;
  double logOffset = 1e-6;
  Background background = Background::none;
};

/// `none`, `median` or `pcen`; throws invalid_argument for another word.
Background backgroundFromName(const std::string& name);

/// Const and thread-safe: tables are read only, scratch belongs to the calling thread. Samples must be finite.
class LogMel {
 public:
  /// Throws invalid_argument where an option is out of range or a mel band lies between two frequency bins.
  explicit LogMel(const FeatureOptions& options, Isa isa = bestIsa());
  ~LogMel();
  LogMel(LogMel&&) noexcept;
  LogMel& operator=(LogMel&&) noexcept;

  const FeatureOptions& options() const;
  int mels() const { return options().nMels; }
  /// 1 + floor(samples / hopSamples)
  int frames(int64_t samples) const;
  /// Centre of a mel band.
  double bandCentreHz(int band) const;

  /// Mel power before the logarithm, so that augmentation can still scale it. out: (M, T) row-major, T = frames(n).
  /// A stretch shorter than nFft / 2 + 1 samples is first extended with zeros, because its reflection needs that many.
  void melPower(const float* samples, int64_t n, float* out) const;

  /// In place, log(value + logOffset).
  void logarithm(float* values, size_t count) const;

  /// In place, mel power (M, T) to what the network sees: the logarithm, less each band's median over the clip
  /// (`median`), or per-channel energy normalisation instead of the logarithm (`pcen`). Where `activity` is given it
  /// receives how much happens in the clip (activity.h), which costs next to nothing under `none` and `median`.
  void finish(float* mel, int frames, float* activity = nullptr) const;

  /// melPower and finish. out: (M, T) row-major.
  void compute(const float* samples, int64_t n, float* out, float* activity = nullptr) const;

  /// The same into a vector of its own, (M, T) row-major.
  std::vector<float> compute(const std::vector<float>& samples) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

}  // namespace autobird
