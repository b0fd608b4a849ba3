#include "core/features/log_mel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/features/activity.h"
#include "core/features/kernels.h"

namespace autobird {

namespace {

// PCEN with librosa's default parameters (librosa.pcen; Wang et al., "Trainable frontend for robust and far-field keyword
// spotting", 2017): E / (eps + M)^gain, then (x + bias)^power - bias^power with power 1/2, where M is E smoothed over time.
constexpr float pcenGain = 0.98f;
constexpr float pcenBias = 2.0f;
constexpr float pcenEps = 1e-6f;
constexpr double pcenTimeConstantS = 0.4;
// librosa's parameters are meant for samples of int32 range and say so: S * 2^31.
constexpr float pcenScale = 2147483648.0f;

double hertzToMel(double hz) { return 2595.0 * std::log10(1.0 + hz / 700.0); }
double melToHertz(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

/// Scratch of the calling thread; grows to the largest request and stays.
template <class T, int Slot>
T* scratch(size_t count) {
  thread_local std::vector<T> memory;
  if (memory.size() < count) memory.resize(count);
  return memory.data();
}

/// torch's reflection: -1 is 1, n is n - 2.
int64_t reflected(int64_t index, int64_t n) {
  if (index < 0) index = -index;
  if (index >= n) index = 2 * (n - 1) - index;
  return index;
}

void check(const FeatureOptions& o) {
  const auto refuse = [](const std::string& what, const std::string& name, double value) {
    std::string shown = std::to_string(value);
    shown.erase(shown.find_last_not_of('0') + 1);
    if (shown.ends_with('.')) shown.pop_back();
    throw invalidArgument("Expected " + what + " for " + name + " but received " + shown);
  };
  if (o.sampleRateHz < 1) refuse("a positive integer", "sampleRateHz", o.sampleRateHz);
  if (o.nFft < 16 || o.nFft > 65536 || (o.nFft & (o.nFft - 1)) != 0) {
    refuse("a power of two from 16 to 65536", "nFft", o.nFft);
  }
  if (o.hopSamples < 1) refuse("a positive integer", "hopSamples", o.hopSamples);
  if (o.nMels < 1 || o.nMels > o.nFft / 2) refuse("an integer from 1 to nFft / 2", "nMels", o.nMels);
  if (!(o.fMinHz >= 0)) refuse("a number of at least 0", "fMinHz", o.fMinHz);
  if (!(o.fMaxHz > o.fMinHz) || o.fMaxHz > o.sampleRateHz / 2.0) {
    refuse("a number above fMinHz and at most half of sampleRateHz", "fMaxHz", o.fMaxHz);
  }
  if (!(o.logOffset >= 1e-30) || !std::isfinite(o.logOffset)) {
    refuse("a positive number of at least 1e-30", "logOffset", o.logOffset);
  }
}

}  // namespace

Background backgroundFromName(const std::string& name) {
  if (name == "none") return Background::none;
  if (name == "median") return Background::median;
  if (name == "pcen") return Background::pcen;
  throw invalidArgument("Expected none, median or pcen for background but received \"" + name + "\" of type string");
}

struct LogMel::Tables {
  FeatureOptions options;
  const Kernels* kernels = nullptr;
  SpectrumPlan plan;
  std::vector<double> centresHz;  // (M)
  int activeBands = 0;
};

LogMel::LogMel(const FeatureOptions& options, Isa isa) {
  check(options);
  auto tables = std::make_unique<Tables>();
  tables->options = options;
  tables->kernels = &kernels(isa);

  const int n = options.nFft;
  std::vector<float> window(n);
  for (int i = 0; i < n; ++i) window[i] = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / n));
  tables->plan = makeSpectrumPlan(n, window);

  // torchaudio.functional.melscale_fbanks, norm None, HTK scale. Its bins end at sampleRate // 2, also for odd rates.
  const int bins = n / 2 + 1;
  const double binHz = static_cast<double>(options.sampleRateHz / 2) / (bins - 1);
  const double low = hertzToMel(options.fMinHz), high = hertzToMel(options.fMaxHz);
  const auto edge = [&](int i) { return melToHertz(low + (high - low) * i / (options.nMels + 1)); };
  for (int band = 0; band < options.nMels; ++band) {
    const double left = edge(band), centre = edge(band + 1), right = edge(band + 2);
    MelBand entry{0, 0, static_cast<int>(tables->plan.weights.size())};
    for (int bin = 0; bin < bins; ++bin) {
      const double hz = bin * binHz;
      const double weight = std::min((hz - left) / (centre - left), (right - hz) / (right - centre));
      if (weight <= 0) continue;
      if (entry.count == 0) entry.firstBin = bin;
      ++entry.count;
      tables->plan.weights.push_back(static_cast<float>(weight));
    }
    if (entry.count == 0) {
      throw invalidArgument("Mel band " + std::to_string(band) + " (" + std::to_string(static_cast<int>(left)) +
                            " to " + std::to_string(static_cast<int>(right)) +
                            " Hz) lies between two frequency bins: use fewer nMels or a larger nFft");
    }
    tables->plan.bands.push_back(entry);
    tables->centresHz.push_back(centre);
    tables->activeBands += centre > activityFloorHz;
  }
  tables_ = std::move(tables);
}

LogMel::~LogMel() = default;
LogMel::LogMel(LogMel&&) noexcept = default;
LogMel& LogMel::operator=(LogMel&&) noexcept = default;

const FeatureOptions& LogMel::options() const { return tables_->options; }

double LogMel::bandCentreHz(int band) const { return tables_->centresHz[band]; }

int LogMel::frames(int64_t samples) const { return static_cast<int>(1 + samples / options().hopSamples); }

void LogMel::melPower(const float* samples, int64_t n, float* out) const {
  const Kernels& kernel = *tables_->kernels;
  const int size = options().nFft, half = size / 2, hop = options().hopSamples;
  const int total = frames(n);

  int64_t length = n;
  if (n < half + 1) {
    float* extended = scratch<float, 0>(half + 1);
    std::fill(extended, extended + half + 1, 0.0f);
    if (n > 0) std::memcpy(extended, samples, n * sizeof(float));
    samples = extended;
    length = half + 1;
  }

  float* work = scratch<float, 1>(kernel.spectrumScratch(tables_->plan));
  float* edges = scratch<float, 2>(static_cast<size_t>(kernel.lanes) * size);
  const float* pointers[64];
  for (int first = 0; first < total; first += kernel.lanes) {
    const int count = std::min(kernel.lanes, total - first);
    for (int i = 0; i < count; ++i) {
      const int64_t start = static_cast<int64_t>(first + i) * hop - half;
      if (start >= 0 && start + size <= length) {
        pointers[i] = samples + start;
        continue;
      }
      float* edge = edges + static_cast<size_t>(i) * size;
      for (int k = 0; k < size; ++k) edge[k] = samples[reflected(start + k, length)];
      pointers[i] = edge;
    }
    kernel.melPower(tables_->plan, pointers, count, work, out + first, total);
  }
}

void LogMel::logarithm(float* values, size_t count) const {
  tables_->kernels->logarithm(values, count, static_cast<float>(options().logOffset));
}

void LogMel::finish(float* mel, int frames, float* activity) const {
  const Kernels& kernel = *tables_->kernels;
  const FeatureOptions& o = options();
  const size_t cells = static_cast<size_t>(o.nMels) * frames;
  const auto offset = static_cast<float>(o.logOffset);
  if (frames <= 0) throw invalidArgument("Expected at least one frame but received " + std::to_string(frames));

  if (o.background == Background::pcen) {
    if (activity != nullptr) {
      float* copy = scratch<float, 3>(cells);
      std::memcpy(copy, mel, cells * sizeof(float));
      kernel.logarithm(copy, cells, offset);
      *activity = clipActivity(*this, copy, frames);
    }
    // One-pole smoothing with a time constant of 0.4 s. It starts at the first frame's level, as in the paper (librosa
    // starts at 1 unless it is given a state), because a crop may begin anywhere in a song.
    const double t = pcenTimeConstantS * o.sampleRateHz / o.hopSamples;
    const auto b = static_cast<float>((std::sqrt(1.0 + 4.0 * t * t) - 1.0) / (2.0 * t * t));
    float* smooth = scratch<float, 4>(frames);
    for (int band = 0; band < o.nMels; ++band) {
      float* row = mel + static_cast<size_t>(band) * frames;
      float level = row[0] * pcenScale;
      for (int f = 0; f < frames; ++f) {
        row[f] *= pcenScale;
        level = (1.0f - b) * level + b * row[f];
        smooth[f] = level;
      }
      kernel.pcen(row, smooth, frames, pcenGain, pcenBias, pcenEps);
    }
    return;
  }

  kernel.logarithm(mel, cells, offset);
  if (o.background == Background::none && activity == nullptr) return;

  int32_t* keys = scratch<int32_t, 5>(static_cast<size_t>(frames) + 64);
  double above = 0;
  for (int band = 0; band < o.nMels; ++band) {
    float* row = mel + static_cast<size_t>(band) * frames;
    const bool counts = activity != nullptr && bandCentreHz(band) > activityFloorHz;
    if (o.background == Background::none && !counts) continue;
    const float median = kernel.median(row, frames, keys);
    if (counts) above += kernel.sumAbove(row, frames, median);
    if (o.background == Background::median) {
      for (int f = 0; f < frames; ++f) row[f] -= median;
    }
  }
  if (activity != nullptr) {
    const int bands = tables_->activeBands;
    *activity = bands == 0 ? 0.0f : static_cast<float>(above / (static_cast<double>(bands) * frames));
  }
}

void LogMel::compute(const float* samples, int64_t n, float* out, float* activity) const {
  melPower(samples, n, out);
  finish(out, frames(n), activity);
}

std::vector<float> LogMel::compute(const std::vector<float>& samples) const {
  const auto n = static_cast<int64_t>(samples.size());
  std::vector<float> out(static_cast<size_t>(mels()) * frames(n));
  compute(samples.data(), n, out.data());
  return out;
}

}  // namespace autobird
