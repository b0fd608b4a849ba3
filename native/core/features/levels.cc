#include "core/features/levels.h"

#include <algorithm>
#include <cmath>

namespace autobird {

namespace {

// Eight sums at once: the compiler may not reorder additions by itself.
constexpr int lanes = 8;

template <class Term>
double sum(int64_t n, Term term) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) partial[lane] += term(i + lane);
  double total = 0;
  for (; i < n; ++i) total += term(i);
  for (double value : partial) total += value;
  return total;
}

}  // namespace

double rms(const float* samples, int64_t n) {
  if (n <= 0) return 0;
  return std::sqrt(sum(n, [=](int64_t i) { return static_cast<double>(samples[i]) * samples[i]; }) / n);
}

float peak(const float* samples, int64_t n) {
  float largest[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) {
      const float value = std::abs(samples[i + lane]);
      largest[lane] = value > largest[lane] ? value : largest[lane];
    }
  for (; i < n; ++i) largest[0] = std::max(largest[0], std::abs(samples[i]));
  return *std::max_element(largest, largest + lanes);
}

Moments momentsOf(const float* values, int64_t n) {
  if (n <= 0) return {};
  const double mean = sum(n, [=](int64_t i) { return static_cast<double>(values[i]); }) / n;
  const double squares = sum(n, [=](int64_t i) {
    const double d = values[i] - mean;
    return d * d;
  });
  return {mean, std::sqrt(squares / n)};
}

}  // namespace autobird
