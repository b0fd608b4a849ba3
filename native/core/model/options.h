// The network's options: the reference and the default network are two settings of the same struct (docs/model.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace autobird {

enum class Stem { plain, residual };
enum class FrequencyPooling { mean, meanMax };
enum class Pooling { attention, classAttention };

/// The same fields as `ModelOptions` of bindings/native.ts.
struct ModelOptions {
  Stem stem = Stem::residual;
  std::vector<int64_t> stemChannels = {24, 48, 96};
  double stemDropout = 0;
  FrequencyPooling frequencyPooling = FrequencyPooling::meanMax;
  int64_t dModel = 96;
  int64_t nHeads = 4;
  int64_t nLayers = 2;
  int64_t ffDim = 192;
  double dropout = 0.1;
  Pooling pooling = Pooling::classAttention;
  /// Learned positions, in frames after the stem.
  int64_t maxLen = 512;
};

/// Throws `invalid_argument` for a word that is not a choice.
Stem stemFromName(const std::string& name);
FrequencyPooling frequencyPoolingFromName(const std::string& name);
Pooling poolingFromName(const std::string& name);

/// Throws `invalid_argument` for options that make no network, and for numbers too large to be meant.
void validate(const ModelOptions& options, int64_t classes);

/// Frames and bands that are left of `length` after the stem.
int64_t afterStem(const ModelOptions& options, int64_t length);

/// Throws `invalid_argument` when features of this shape do not fit the network: too small for the stem, too long for
/// the positions.
void validateShape(const ModelOptions& options, int64_t mels, int64_t frames);

}  // namespace autobird
