#include "core/model/options.h"

#include "core/error.h"
#include "core/text.h"

namespace autobird {
namespace {

// Far above any network that trains. That all of them together stay within the memory is for `parameterShapes`.
constexpr int64_t kMaxWidth = 8192;
constexpr int64_t kMaxLayers = 64;
constexpr int64_t kMaxCount = 1 << 16;

void requireRange(int64_t value, int64_t low, int64_t high, const std::string& name) {
  if (value >= low && value <= high) return;
  throw invalidArgument("Expected an integer from " + std::to_string(low) + " to " + std::to_string(high) + " for " +
                        name + " but received " + std::to_string(value));
}

void requireShare(double value, const std::string& name) {
  if (value >= 0 && value < 1) return;
  throw invalidArgument("Expected a number from 0 to below 1 for " + name + " but received " + numberText(value));
}

}  // namespace

Stem stemFromName(const std::string& name) {
  if (name == "plain") return Stem::plain;
  if (name == "residual") return Stem::residual;
  throw invalidArgument("Expected plain or residual for model.stem but received \"" + name + "\"");
}

FrequencyPooling frequencyPoolingFromName(const std::string& name) {
  if (name == "mean") return FrequencyPooling::mean;
  if (name == "mean_max") return FrequencyPooling::meanMax;
  throw invalidArgument("Expected mean or mean_max for model.frequencyPooling but received \"" + name + "\"");
}

Pooling poolingFromName(const std::string& name) {
  if (name == "attention") return Pooling::attention;
  if (name == "class_attention") return Pooling::classAttention;
  throw invalidArgument("Expected attention or class_attention for model.pooling but received \"" + name + "\"");
}

void validate(const ModelOptions& options, int64_t classes) {
  requireRange(classes, 1, kMaxCount, "classes");
  requireRange(static_cast<int64_t>(options.stemChannels.size()), 1, 12, "the number of model.stemChannels");
  for (const int64_t channels : options.stemChannels) requireRange(channels, 1, kMaxWidth, "model.stemChannels");
  requireShare(options.stemDropout, "model.stemDropout");
  requireShare(options.dropout, "model.dropout");
  requireRange(options.dModel, 1, kMaxWidth, "model.dModel");
  requireRange(options.nHeads, 1, options.dModel, "model.nHeads");
  if (options.dModel % options.nHeads != 0) {
    throw invalidArgument("Expected a divisor of model.dModel (" + std::to_string(options.dModel) +
                          ") for model.nHeads but received " + std::to_string(options.nHeads));
  }
  requireRange(options.nLayers, 0, kMaxLayers, "model.nLayers");
  requireRange(options.ffDim, 1, 4 * kMaxWidth, "model.ffDim");
  requireRange(options.maxLen, 1, kMaxCount, "model.maxLen");
}

int64_t afterStem(const ModelOptions& options, int64_t length) {
  for (size_t i = 0; i < options.stemChannels.size(); ++i) {
    // A max-pool of 2 drops an odd last cell; a padded 3x3 convolution with stride 2 keeps it.
    length = options.stem == Stem::plain ? length / 2 : (length + 1) / 2;
  }
  return length;
}

void validateShape(const ModelOptions& options, int64_t mels, int64_t frames) {
  const int64_t bandsLeft = afterStem(options, mels);
  const int64_t framesLeft = afterStem(options, frames);
  if (bandsLeft < 1 || framesLeft < 1) {
    throw invalidArgument("Expected features that survive " + std::to_string(options.stemChannels.size()) +
                          " halvings in the stem but received " + std::to_string(mels) + " bands by " +
                          std::to_string(frames) +
                          " frames: use longer clips, more mel bands or fewer model.stemChannels");
  }
  if (framesLeft > options.maxLen) {
    throw invalidArgument("Expected at most " + std::to_string(options.maxLen) +
                          " frames after the stem (model.maxLen) but received " + std::to_string(framesLeft) +
                          ": use shorter clips, a larger features.hopSamples or a larger model.maxLen");
  }
}

}  // namespace autobird
