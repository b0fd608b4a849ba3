#include "core/features/kernels.h"

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string>

#include "core/error.h"

namespace autobird {

#define KERNELS "core/features/kernels.inl"
#include "core/features/each_isa.inl"

const Kernels& kernels(Isa isa) { return tableFor(isa); }

bool isaAvailable(Isa isa) {
#ifdef AUTOBIRD_X86
  if (isa == Isa::avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && isaAvailable(Isa::avx2);
  }
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return isa == Isa::portable;
}

const char* isaName(Isa isa) { return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "portable"; }

Isa bestIsa() {
  static const Isa best = [] {
    const char* wanted = std::getenv("AUTOBIRD_SIMD");
    const std::string limit = wanted == nullptr ? "" : wanted;
    if (limit != "portable" && limit != "avx2" && isaAvailable(Isa::avx512)) return Isa::avx512;
    if (limit != "portable" && isaAvailable(Isa::avx2)) return Isa::avx2;
    return Isa::portable;
  }();
  return best;
}

namespace {

int radixOf(int points) { return points >= 8 ? 8 : points; }

int positionOf(int bin, int points) {
  if (points == 1) return 0;
  const int radix = radixOf(points);
  return bin % radix * (points / radix) + positionOf(bin / radix, points / radix);
}

}  // namespace

SpectrumPlan makeSpectrumPlan(int n, const std::vector<float>& window) {
  SpectrumPlan plan;
  plan.n = n;
  for (float w : window) plan.window.push_back(0.5f * w);
  const int half = n / 2;
  const double turn = -2.0 * std::numbers::pi;
  for (int points = half; points > 8; points /= 8) {
    for (int j = 0; j < points / 8; ++j) {
      for (int m = 1; m < 8; ++m) {
        const double angle = turn * j * m / points;
        plan.twiddles.push_back(static_cast<float>(std::cos(angle)));
        plan.twiddles.push_back(static_cast<float>(std::sin(angle)));
      }
    }
  }
  for (int bin = 0; bin < half; ++bin) plan.positions.push_back(positionOf(bin, half));
  for (int k = 0; k <= half / 2; ++k) {
    plan.split.push_back(static_cast<float>(std::cos(turn * k / n)));
    plan.split.push_back(static_cast<float>(std::sin(turn * k / n)));
  }
  return plan;
}

}  // namespace autobird
