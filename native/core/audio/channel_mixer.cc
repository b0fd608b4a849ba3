#include "core/audio/channel_mixer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/audio/downmix.h"
#include "core/error.h"
#include "core/features/levels.h"

namespace autobird {

namespace {

constexpr int blockFrames = 1024;
constexpr double lowestHz = 300;  // below are wind and hum
constexpr int bands = 32;
constexpr int histogramBins = 160;
constexpr double binDb = 0.5;
// Of white noise one band in 32 is 2 to 7 dB above its neighbours, of recordings with birds 20 dB and more in the same share of blocks.
constexpr double noiseDb = 8;
constexpr double signalDb = 12;
/// A step of 16-bit samples: what is below it is no sound.
constexpr double leastRms = 1.0 / 32768;
constexpr float leastPeak = 2.0f / 32768;

/// For the choice of a channel nearly everything is looked at. Otherwise it must cost nothing beside decoding.
bool isLookedAt(int64_t block, bool chooses) {
  if (chooses) return block < 4096 || block % 8 == 0;
  return block < 32 || (block < 2048 && block % 16 == 0) || block % 128 == 0;
}

/// How far a band stands out from those beside it, at most. In decibels.
double prominenceOf(const float* power) {
  double levels[bands];
  for (int b = 0; b < bands; ++b) levels[b] = 10 * std::log10(static_cast<double>(power[b]) + 1e-20);
  double most = 0;
  for (int b = 0; b < bands; ++b) {
    // The louder side counts, so that a slope (wind, a filter) is no prominence.
    double beside = -1e9;
    for (const int side : {-1, 1}) {
      if (b + 4 * side < 0 || b + 4 * side >= bands) continue;
      beside = std::max(beside, (levels[b + 2 * side] + levels[b + 3 * side] + levels[b + 4 * side]) / 3);
    }
    most = std::max(most, levels[b] - beside);
  }
  return most;
}

/// What a twentieth of the blocks exceeds: birds do not sing all the time.
double upperTwentieth(const std::vector<uint32_t>& histogram) {
  uint64_t total = 0;
  for (const uint32_t count : histogram) total += count;
  uint64_t above = 0;
  for (int bin = histogramBins - 1; bin >= 0; --bin) {
    above += histogram[bin];
    if (above * 20 >= total && above > 0) return bin * binDb;
  }
  return 0;
}

std::string listed(const std::vector<int>& channels, size_t of) {
  std::string text = channels.size() == 1 ? "channel " : "channels ";
  for (size_t i = 0; i < channels.size(); ++i) {
    if (i > 0) text += i + 1 == channels.size() ? " and " : ", ";
    text += std::to_string(channels[i]);
  }
  return text + " of " + std::to_string(of) + (channels.size() == 1 ? " is " : " are ");
}

}  // namespace

ChannelMixer::ChannelMixer(int channel, double sampleRateHz) : channel_(channel), rateHz_(sampleRateHz) {}

bool ChannelMixer::usesMean(int channels) const { return channel_ <= 0 || channels == 1; }

void ChannelMixer::measure(const float* out, size_t frames) {
  // Most recordings have shown by their first block that there is something in them.
  if (peak_ < leastPeak) peak_ = std::max(peak_, peak(out, static_cast<int64_t>(frames)));
}

size_t ChannelMixer::interleaved(const float* samples, size_t frames, int channels, float* out) {
  use(channels);
  look(frames, channels, [=](size_t i, int c) { return samples[i * static_cast<size_t>(channels) + c]; });
  const size_t damaged = usesMean(channels) ? downmixInterleaved(samples, frames, channels, out)
                                            : pickInterleaved(samples, frames, channels, channel_ - 1, out);
  measure(out, frames);
  return damaged;
}

size_t ChannelMixer::planar(const float* const* planes, size_t frames, int channels, float* out) {
  use(channels);
  look(frames, channels, [=](size_t i, int c) { return planes[c][i]; });
  const size_t damaged = usesMean(channels) ? downmixPlanar(planes, frames, channels, out)
                                            : downmixPlanar(planes + channel_ - 1, frames, 1, out);
  measure(out, frames);
  return damaged;
}

void ChannelMixer::use(int channels) const {
  if (channels == 1 || channel_ <= channels) return;
  throw Error("no_such_channel", "The recording has " + std::to_string(channels) + " channels, none of number " +
                                     std::to_string(channel_) + ": set data.channel to mean, best or 1 to " +
                                     std::to_string(channels));
}

template <class At>
void ChannelMixer::look(size_t frames, int channels, At at) {
  if (channels > 1 && looks_.empty() && position_ == 0) prepare(channels);
  // Where the number changes on the way, what is known is that of the beginning.
  if (static_cast<size_t>(channels) != looks_.size()) {
    position_ += static_cast<int64_t>(frames);
    gathered_ = 0;
    return;
  }
  for (size_t done = 0; done < frames;) {
    const size_t within = static_cast<size_t>(position_ % blockFrames);
    const size_t count = std::min(frames - done, blockFrames - within);
    if (isLookedAt(position_ / blockFrames, channel_ == choosesChannel) && gathered_ == within) {
      for (int c = 0; c < channels; ++c) {
        for (size_t i = 0; i < count; ++i) {
          const float value = at(done + i, c);
          block_[c][within + i] = std::abs(value) <= largestSample ? value : 0.0f;  // false for NaN
        }
      }
      gathered_ += count;
      if (gathered_ == blockFrames) lookAtBlock();
    }
    done += count;
    position_ += static_cast<int64_t>(count);
    if (position_ % blockFrames == 0) gathered_ = 0;
  }
}

void ChannelMixer::prepare(int channels) {
  looks_.resize(static_cast<size_t>(channels), Look{0, std::vector<uint32_t>(histogramBins)});
  block_.assign(static_cast<size_t>(channels), std::vector<float>(blockFrames));
  std::vector<float> window(blockFrames);
  // Blackman and Harris: loud hum must not leak into the bands above it.
  for (int i = 0; i < blockFrames; ++i) {
    const double x = 2 * std::numbers::pi * i / blockFrames;
    window[i] =
        static_cast<float>(0.35875 - 0.48829 * std::cos(x) + 0.14128 * std::cos(2 * x) - 0.01168 * std::cos(3 * x));
  }
  plan_ = makeSpectrumPlan(blockFrames, window);
  // Of equal width, up to where the filters of recorders and encoders begin.
  const int first = std::clamp(static_cast<int>(lowestHz * blockFrames / rateHz_), 4, blockFrames / 8);
  const int width = std::max(1, (blockFrames * 2 / 5 - first) / bands);
  for (int b = 0; b < bands; ++b) plan_.bands.push_back({first + b * width, width, b * width});
  plan_.weights.assign(static_cast<size_t>(bands) * width, 1.0f / static_cast<float>(width));
}

void ChannelMixer::lookAtBlock() {
  const Kernels& kernel = kernels(bestIsa());
  scratch_.resize(kernel.spectrumScratch(plan_));
  std::vector<float> power(static_cast<size_t>(bands) * kernel.lanes);
  const auto channels = static_cast<int>(looks_.size());
  std::vector<float> mean(blockFrames);
  for (int from = 0; from < channels; from += kernel.lanes) {
    const int count = std::min(kernel.lanes, channels - from);
    std::vector<const float*> frames;
    for (int c = from; c < from + count; ++c) {
      std::vector<float>& block = block_[c];
      double sum = 0;
      for (const float value : block) sum += value;
      const auto offset = static_cast<float>(sum / blockFrames);
      for (int i = 0; i < blockFrames; ++i) {
        block[i] -= offset;
        looks_[c].squares += static_cast<double>(block[i]) * block[i];
        mean[i] += block[i] / static_cast<float>(channels);
      }
      frames.push_back(block.data());
    }
    kernel.melPower(plan_, frames.data(), count, scratch_.data(), power.data(), count);
    for (int i = 0; i < count; ++i) {
      float own[bands];
      for (int b = 0; b < bands; ++b) own[b] = power[static_cast<size_t>(b) * count + i];
      const auto bin = static_cast<int>(prominenceOf(own) / binDb);
      ++looks_[from + i].prominence[std::clamp(bin, 0, histogramBins - 1)];
    }
  }
  for (const float value : mean) meanSquares_ += static_cast<double>(value) * value;
  looked_ += blockFrames;
}

double ChannelMixer::rms(const Look& look) const { return looked_ == 0 ? 0 : std::sqrt(look.squares / looked_); }

ChannelMixer::State ChannelMixer::stateOf(size_t channel) const {
  double loudest = 0;
  double clearest = 0;
  for (const Look& look : looks_) {
    if (rms(look) < leastRms) continue;
    loudest = std::max(loudest, rms(look));
    clearest = std::max(clearest, upperTwentieth(look.prominence));
  }
  const Look& look = looks_[channel];
  if (rms(look) < std::max(leastRms, loudest / 1000)) return State::dead;
  return upperTwentieth(look.prominence) < noiseDb && clearest >= signalDb ? State::noise : State::good;
}

int ChannelMixer::best() const {
  int best = 1;
  double most = -1;
  for (size_t c = 0; c < looks_.size(); ++c) {
    const State state = stateOf(c);
    // Where equally much stands out, the louder one; the first where they are equal.
    const double score =
        state == State::dead ? -1 : upperTwentieth(looks_[c].prominence) + std::min(1.0, rms(looks_[c])) / 4;
    if (score > most) {
      most = score;
      best = static_cast<int>(c) + 1;
    }
  }
  return best;
}

std::vector<std::string> ChannelMixer::notes() const {
  std::vector<std::string> notes;
  if (position_ > 0 && peak_ < leastPeak) {
    notes.emplace_back(peak_ == 0 ? "there is nothing in it: every sample is zero"
                                  : "there is next to nothing in it: its loudest sample is below -84 dB");
  }
  if (looked_ == 0) return notes;
  std::vector<int> dead;
  std::vector<int> noise;
  for (size_t c = 0; c < looks_.size(); ++c) {
    if (channel_ > 0 && static_cast<int>(c) != channel_ - 1) continue;
    const State state = stateOf(c);
    if (state == State::dead) dead.push_back(static_cast<int>(c) + 1);
    if (state == State::noise) noise.push_back(static_cast<int>(c) + 1);
  }
  const size_t all = looks_.size();
  const std::string remedy = channel_ > 0 ? ": data.channel=best takes another one"
                                          : ", which spoils the mean: data.channel=best leaves it out";
  if (!dead.empty() && dead.size() < all) {
    notes.push_back(listed(dead, all) + "silent" +
                    (channel_ > 0 ? remedy : ", which makes the mean quieter: data.channel=best leaves it out"));
  }
  if (!noise.empty()) notes.push_back(listed(noise, all) + "only noise" + remedy);
  double squares = 0;
  for (const Look& look : looks_) squares += look.squares / static_cast<double>(all);
  // Of channels that have nothing in common the mean has 1 / n of their power.
  if (channel_ <= 0 && squares > leastRms * leastRms * looked_ &&
      meanSquares_ * static_cast<double>(all) < 0.1 * squares) {
    notes.emplace_back("its channels cancel each other: data.channel=best or left takes one of them");
  }
  return notes;
}

}  // namespace autobird
