// The inner loops of the signal code as a table of functions, one table for each instruction set. All pointers are plain
// memory without alignment, so that callers know nothing of vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/features/simd.h"

namespace autobird {

/// A triangle of the mel filterbank: weights of `count` frequency bins from `firstBin` on.
struct MelBand {
  int firstBin;
  int count;
  int firstWeight;  // index into SpectrumPlan::weights
};

/// Tables of the real FFT of n points, done as a complex FFT of n / 2 points, and of what is made of its bins.
struct SpectrumPlan {
  int n = 0;
  std::vector<float> window;    // (n), times 0.5: the split of the half-length FFT needs no factor then
  std::vector<float> twiddles;  // for each pass of more than 8 points: (points / 8, 7, re im)
  std::vector<int> positions;   // (n / 2) where the passes leave bin k
  std::vector<float> split;     // (n / 4 + 1, re im) e^(-2 pi i k / n)
  std::vector<MelBand> bands;   // (M)
  std::vector<float> weights;   // non-zero weights of all bands
};

SpectrumPlan makeSpectrumPlan(int n, const std::vector<float>& window);

struct Kernels {
  /// Frames, taps and outputs that one call handles; tap rows are padded to a multiple of it.
  int lanes;
  /// Mel power of up to `lanes` frames. frames[i] points to plan.n samples. scratch: spectrumScratch floats.
  /// out: band b of frame i goes to out[b * outStride + i].
  void (*melPower)(const SpectrumPlan& plan, const float* const* frames, int count, float* scratch, float* out,
                   ptrdiff_t outStride);
  size_t (*spectrumScratch)(const SpectrumPlan& plan);
  /// x = log(x + offset) for n values; x + offset must be a positive normal number.
  void (*logarithm)(float* x, size_t n, float offset);
  /// x = x * (smooth + eps)^-gain, then sqrt(x + bias) - sqrt(bias).
  void (*pcen)(float* x, const float* smooth, size_t n, float gain, float bias, float eps);
  /// The middle of n values, the mean of the two middle ones where n is even. keys: n + lanes values of scratch.
  float (*median)(const float* x, size_t n, int32_t* keys);
  /// Sum of max(0, x - floor).
  double (*sumAbove)(const float* x, size_t n, float floor);
  /// out[i] = dot(x[i], taps[i]) for up to `lanes` outputs; tapCount is a multiple of `lanes`.
  void (*dots)(const float* const* x, const float* const* taps, int tapCount, int count, float* out);
};

const Kernels& kernels(Isa isa);

}  // namespace autobird
