#include "core/audio/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

#include "core/error.h"
#include "core/features/kernels.h"

namespace autobird {

namespace {

constexpr double zeroCrossings = 6;  // lowpass_filter_width
constexpr double rolloff = 0.99;
constexpr int64_t maxRateHz = 100'000'000;
constexpr int64_t maxRatio = 2048;
// One row of taps for each phase up to 4 MiB; beyond (rates like 191,999 Hz that share no divisor with the target) rows for
// 4,096 phases of the narrower rate and a line between neighbours: its error, (pi / 4096)^2 / 8, is below float's own.
constexpr int64_t maxExactFloats = 1 << 20;
constexpr double interpolatedPhases = 4096;
constexpr size_t pieceSamples = 1 << 16;

/// Hann-windowed sinc at t zero crossings from the centre.
double sincHann(double t) {
  if (std::abs(t) >= zeroCrossings) return 0;
  const double window = std::cos(t * std::numbers::pi / zeroCrossings / 2);
  const double x = t * std::numbers::pi;
  return (x == 0 ? 1.0 : std::sin(x) / x) * window * window;
}

}  // namespace

Resampler::Resampler(int64_t sourceHz, int64_t targetHz, Isa isa) : isa_(isa) {
  const auto check = [](int64_t rate, const char* name) {
    if (rate < 1 || rate > maxRateHz) {
      throw invalidArgument("Expected an integer from 1 to " + std::to_string(maxRateHz) + " for " + name +
                            " but received " + std::to_string(rate));
    }
  };
  check(sourceHz, "sourceHz");
  check(targetHz, "targetHz");
  if (sourceHz > targetHz * maxRatio || targetHz > sourceHz * maxRatio) {
    throw invalidArgument("Cannot resample from " + std::to_string(sourceHz) + " to " + std::to_string(targetHz) +
                          " Hz: the ratio may be at most " + std::to_string(maxRatio));
  }
  const int64_t divisor = std::gcd(sourceHz, targetHz);
  source_ = sourceHz / divisor;
  target_ = targetHz / divisor;
  begin();
  if (source_ == target_) return;

  const double base = static_cast<double>(std::min(source_, target_)) * rolloff;
  const double step = base / static_cast<double>(source_);  // zero crossings from one input sample to the next
  half_ = static_cast<int64_t>(std::ceil(zeroCrossings / step));
  const int64_t lanes = kernels(isa).lanes;
  stride_ = static_cast<int>((2 * half_ + lanes - 1) / lanes * lanes);
  interpolates_ = target_ * stride_ > maxExactFloats;
  phases_ = interpolates_ ? std::max<int64_t>(64, std::ceil(interpolatedPhases * std::min(1.0, step))) : target_;
  const int64_t rows = phases_ + (interpolates_ ? 1 : 0);
  table_.assign(static_cast<size_t>(rows) * stride_, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    float* taps = table_.data() + row * stride_;
    // Tap k weighs input sample centre - half + 1 + k.
    // Where the output lies between two input samples. Row r belongs to phase r, or to r / phases_ of a sample.
    const double fraction = interpolates_ ? static_cast<double>(row) / static_cast<double>(phases_)
                                          : static_cast<double>(row * source_ % target_) / static_cast<double>(target_);
    for (int64_t k = 0; k < 2 * half_; ++k)
      taps[k] = static_cast<float>(sincHann((static_cast<double>(k - half_ + 1) - fraction) * step) * step);
  }
  begin();
}

void Resampler::begin() {
  inputStart_ = -half_;
  input_.assign(static_cast<size_t>(half_), 0.0f);
  received_ = produced_ = centre_ = remainder_ = phase_ = 0;
}

void Resampler::push(const float* samples, size_t count, std::vector<float>& out) {
  if (source_ == target_) {
    out.insert(out.end(), samples, samples + count);
    return;
  }
  while (count > 0) {
    const size_t piece = std::min(count, pieceSamples);
    input_.insert(input_.end(), samples, samples + piece);
    received_ += static_cast<int64_t>(piece);
    samples += piece;
    count -= piece;
    produce(INT64_MAX, out);
  }
}

void Resampler::flush(std::vector<float>& out) {
  if (source_ == target_) return;
  const int64_t total = (received_ * target_ + source_ - 1) / source_;
  input_.insert(input_.end(), static_cast<size_t>(half_ + stride_ + source_ / target_ + 1), 0.0f);
  produce(total, out);
  begin();
}

void Resampler::produce(int64_t total, std::vector<float>& out) {
  const Kernels& kernel = kernels(isa_);
  const int64_t end = inputStart_ + static_cast<int64_t>(input_.size());
  const float* x[64];
  const float* taps[64];
  const float* next[64];
  float fraction[64], values[64], nextValues[64];
  // Locals and one division up front: this loop runs once for each output sample.
  const int64_t wholeStep = source_ / target_, partStep = source_ % target_;
  const float* const input = input_.data();
  const int64_t firstTap = half_ - 1 + inputStart_;  // this far before an output's centre, as an index into `input`
  const float* const table = table_.data();
  int64_t centre = centre_, remainder = remainder_, phase = phase_, produced = produced_;
  const int64_t lastCentre = end - stride_ + half_ - 1;  // a row's padding is read as well, though its taps are zero
  for (;;) {
    int count = 0;
    while (count < kernel.lanes && produced < total && centre <= lastCentre) {
      x[count] = input + (centre - firstTap);
      if (interpolates_) {
        const double position =
            static_cast<double>(remainder) / static_cast<double>(target_) * static_cast<double>(phases_);
        const auto row = std::min(static_cast<int64_t>(position), phases_ - 1);
        fraction[count] = static_cast<float>(position - static_cast<double>(row));
        taps[count] = table + row * stride_;
        next[count] = taps[count] + stride_;
      } else {
        taps[count] = table + phase * stride_;
      }
      ++count;
      ++produced;
      if (++phase == target_) phase = 0;
      centre += wholeStep;
      remainder += partStep;
      if (remainder >= target_) {
        remainder -= target_;
        ++centre;
      }
    }
    if (count == 0) break;
    kernel.dots(x, taps, stride_, count, values);
    if (interpolates_) {
      kernel.dots(x, next, stride_, count, nextValues);
      for (int i = 0; i < count; ++i) values[i] += fraction[i] * (nextValues[i] - values[i]);
    }
    out.insert(out.end(), values, values + count);
  }
  centre_ = centre;
  remainder_ = remainder;
  phase_ = phase;
  produced_ = produced;
  const int64_t used = std::min(centre_ - half_ + 1, end) - inputStart_;
  if (used > 0) {
    input_.erase(input_.begin(), input_.begin() + used);
    inputStart_ += used;
  }
}

std::vector<float> resample(const float* samples, size_t count, int64_t sourceHz, int64_t targetHz) {
  Resampler resampler(sourceHz, targetHz);
  std::vector<float> out;
  resampler.push(samples, count, out);
  resampler.flush(out);
  return out;
}

}  // namespace autobird
