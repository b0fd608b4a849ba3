#include "core/training/batch.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/features/levels.h"
#include "core/text.h"

namespace autobird {
namespace {

void requireLength(size_t received, size_t needed, const std::string& name) {
  if (received == needed) return;
  throw invalidArgument("Expected " + std::to_string(needed) + " values for " + name + " but received " +
                        std::to_string(received));
}

// More is beyond what a float's square holds.
void requireDecibels(float value, const std::string& name) {
  if (std::abs(value) <= 300) return;
  throw invalidArgument("Expected numbers from -300 to 300 for " + name + " but received " + numberText(value));
}

// Starts and widths in turn; their sum stays an int.
void requireMasks(const std::vector<int32_t>& masks, const std::string& name) {
  constexpr int32_t kLargest = 1 << 28;
  for (const int32_t value : masks) {
    if (value >= -kLargest && value <= kLargest) continue;
    throw invalidArgument("Expected integers from -2^28 to 2^28 for " + name + " but received " +
                          std::to_string(value));
  }
}

// The loudest tenth of a second in dB: a song's level, not that of the pauses around it.
double loudnessDb(const std::vector<float>& samples, int sampleRateHz) {
  const auto count = static_cast<int64_t>(samples.size());
  const int64_t window = std::clamp<int64_t>(sampleRateHz / 10, 1, count);
  double loudest = 0;
  for (int64_t at = 0; at + window <= count; at += window) loudest = std::max(loudest, rms(&samples[at], window));
  return 20 * std::log10(std::max(loudest, 1e-6));
}

// Tokozume, Ushiku and Harada 2018 (between-class learning), equation 2: the ratio is one of loudness, not of
// amplitude.
void mix(std::vector<float>& samples, const std::vector<float>& other, double ratio, int sampleRateHz) {
  double share = ratio;
  if (ratio > 0 && ratio < 1) {
    const double differenceDb = loudnessDb(samples, sampleRateHz) - loudnessDb(other, sampleRateHz);
    share = 1 / (1 + std::pow(10.0, differenceDb / 20) * (1 - ratio) / ratio);
  }
  const double energy = std::sqrt(share * share + (1 - share) * (1 - share));
  const auto first = static_cast<float>(share / energy);
  const auto second = static_cast<float>((1 - share) / energy);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = first * samples[i] + second * other[i];
}

// The sum of four uniform numbers has tails that end at 3.5 standard deviations, which noise does not miss, and is a
// fraction of the work of a true normal one. One splitmix64 word gives all four.
void addNoise(std::vector<float>& samples, double snrDb, uint32_t seed) {
  const double level = rms(samples.data(), static_cast<int64_t>(samples.size())) * std::pow(10.0, -snrDb / 20);
  const auto scale = static_cast<float>(level * std::sqrt(3.0) / 65536.0);
  for (size_t i = 0; i < samples.size(); ++i) {
    uint64_t z = (static_cast<uint64_t>(seed) << 32) + 0x9e3779b97f4a7c15ULL * (i + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    const auto sum =
        static_cast<int32_t>((z & 0xffff) + ((z >> 16) & 0xffff) + ((z >> 32) & 0xffff) + (z >> 48)) - 131070;
    samples[i] += scale * static_cast<float>(sum);
  }
}

// Gains in dB at knots spread evenly over the bands, linear between.
void applyFilter(float* mel, int mels, int frames, const float* knots, int64_t count) {
  for (int band = 0; band < mels; ++band) {
    const double position = mels > 1 ? static_cast<double>(band) * static_cast<double>(count - 1) / (mels - 1) : 0;
    const auto left = std::min(static_cast<int64_t>(position), count - 1);
    const int64_t right = std::min(left + 1, count - 1);
    const double weight = position - static_cast<double>(left);
    const double db = knots[left] * (1 - weight) + knots[right] * weight;
    const auto factor = static_cast<float>(std::pow(10.0, db / 10));  // on power
    float* row = mel + static_cast<int64_t>(band) * frames;
    for (int frame = 0; frame < frames; ++frame) row[frame] *= factor;
  }
}

// After normalisation 0 is a band's mean.
void maskBands(float* features, int mels, int frames, const int32_t* masks, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const int begin = std::clamp(masks[2 * i], 0, mels);
    const int end = std::clamp(masks[2 * i] + masks[2 * i + 1], begin, mels);
    std::fill(features + static_cast<int64_t>(begin) * frames, features + static_cast<int64_t>(end) * frames, 0.0F);
  }
}

void maskFrames(float* features, int mels, int frames, const int32_t* masks, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const int begin = std::clamp(masks[2 * i], 0, frames);
    const int end = std::clamp(masks[2 * i] + masks[2 * i + 1], begin, frames);
    for (int band = 0; band < mels; ++band) {
      float* row = features + static_cast<int64_t>(band) * frames;
      std::fill(row + begin, row + end, 0.0F);
    }
  }
}

}  // namespace

void validate(const BatchPlan& plan, const ShardSet& shards, int64_t classes) {
  validate(ClipTable{plan.recording, plan.startSample, plan.clipSamples}, shards);
  const auto rows = static_cast<size_t>(plan.rows());
  if (rows == 0) throw invalidArgument("Expected at least one row for recording but received none");
  requireLength(plan.gain.size(), rows, "gain");
  requireLength(plan.mixRecording.size(), rows, "mixRecording");
  requireLength(plan.mixStartSample.size(), rows, "mixStartSample");
  requireLength(plan.mixRatio.size(), rows, "mixRatio");
  requireLength(plan.noiseSnrDb.size(), rows, "noiseSnrDb");
  requireLength(plan.noiseSeed.size(), rows, "noiseSeed");
  requireLength(plan.target.size(), rows * static_cast<size_t>(classes), "target");
  if (plan.filterDb.size() % rows != 0) requireLength(plan.filterDb.size(), rows, "filterDb (rows * knots)");
  if (plan.bandMasks.size() % (2 * rows) != 0)
    requireLength(plan.bandMasks.size(), 2 * rows, "bandMasks (rows * 2 * masks)");
  if (plan.frameMasks.size() % (2 * rows) != 0)
    requireLength(plan.frameMasks.size(), 2 * rows, "frameMasks (rows * 2 * masks)");
  requireMasks(plan.bandMasks, "bandMasks");
  requireMasks(plan.frameMasks, "frameMasks");
  for (const float db : plan.filterDb) requireDecibels(db, "filterDb");
  for (size_t row = 0; row < rows; ++row) {
    if (!(std::abs(plan.gain[row]) <= 1e6F)) {
      throw invalidArgument("Expected a number from -1e6 to 1e6 for gain but received " + numberText(plan.gain[row]));
    }
    if (!std::isnan(plan.noiseSnrDb[row])) requireDecibels(plan.noiseSnrDb[row], "noiseSnrDb");
    if (plan.mixRecording[row] < 0) continue;
    shards.sampleCount(plan.mixRecording[row]);
    if (!(plan.mixRatio[row] >= 0 && plan.mixRatio[row] <= 1)) {
      throw invalidArgument("Expected a number from 0 to 1 for mixRatio but received " +
                            numberText(plan.mixRatio[row]));
    }
    requireStart(plan.mixStartSample[row], "mixStartSample");
  }
}

void validate(const Normalisation& normalisation, int mels) {
  requireLength(normalisation.mean.size(), static_cast<size_t>(mels), "statistics.mean (one a mel band)");
  requireLength(normalisation.std.size(), static_cast<size_t>(mels), "statistics.std (one a mel band)");
  for (const float value : normalisation.mean) {
    if (!std::isfinite(value))
      throw invalidArgument("Expected finite numbers for statistics.mean but received " + numberText(value));
  }
  for (const float value : normalisation.std) {
    if (!(value > 0) || !std::isfinite(value)) {
      throw invalidArgument("Expected positive numbers for statistics.std but received " + numberText(value));
    }
  }
}

void Normalisation::apply(float* features, int64_t frames) const {
  for (size_t band = 0; band < mean.size(); ++band) {
    float* row = features + static_cast<int64_t>(band) * frames;
    const float centre = mean[band];
    const float factor = 1 / std[band];
    for (int64_t frame = 0; frame < frames; ++frame) row[frame] = (row[frame] - centre) * factor;
  }
}

void makeRow(const ShardSet& shards, const LogMel& logMel, const Normalisation& normalisation, const BatchPlan& plan,
             int64_t row, float* out) {
  thread_local std::vector<float> samples;
  thread_local std::vector<float> other;
  const int sampleRateHz = logMel.options().sampleRateHz;
  samples.resize(static_cast<size_t>(plan.clipSamples));
  shards.read(plan.recording[row], std::llround(plan.startSample[row]), plan.clipSamples, samples.data());
  if (plan.mixRecording[row] >= 0) {
    other.resize(samples.size());
    shards.read(plan.mixRecording[row], std::llround(plan.mixStartSample[row]), plan.clipSamples, other.data());
    mix(samples, other, plan.mixRatio[row], sampleRateHz);
  }
  if (plan.gain[row] != 1) {
    for (float& sample : samples) sample *= plan.gain[row];
  }
  if (!std::isnan(plan.noiseSnrDb[row])) addNoise(samples, plan.noiseSnrDb[row], plan.noiseSeed[row]);

  const int frames = logMel.frames(plan.clipSamples);
  const int mels = logMel.mels();
  logMel.melPower(samples.data(), plan.clipSamples, out);
  const int64_t knots = static_cast<int64_t>(plan.filterDb.size()) / plan.rows();
  if (knots > 0) applyFilter(out, mels, frames, &plan.filterDb[static_cast<size_t>(row * knots)], knots);
  logMel.finish(out, frames);
  normalisation.apply(out, frames);
  const int64_t bandMasks = static_cast<int64_t>(plan.bandMasks.size()) / (2 * plan.rows());
  const int64_t frameMasks = static_cast<int64_t>(plan.frameMasks.size()) / (2 * plan.rows());
  maskBands(out, mels, frames, plan.bandMasks.data() + row * 2 * bandMasks, bandMasks);
  maskFrames(out, mels, frames, plan.frameMasks.data() + row * 2 * frameMasks, frameMasks);
}

}  // namespace autobird
