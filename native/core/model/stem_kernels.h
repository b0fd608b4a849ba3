// A stage of the plain stem (3 x 3 convolution, ReLU, 2 x 2 max-pool) without its intermediate maps, for networks that only
// predict. Positions have their channels side by side; `input` has a border of zeros already. One table for each instruction
// set, as in features/kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/features/simd.h"

namespace autobird {

/// What channels of a stage must be a multiple of, so that all sets can do it.
constexpr int64_t kStemChannelMultiple = 32;

/// Weights of one stage, in the order that its kernel reads them.
struct StemStageWeights {
  int inputs = 0;
  int outputs = 0;
  std::vector<float> weights;  // one input: (9, outputs); more: Winograd's (16, inputs, outputs)
  std::vector<float> bias;     // (outputs)
};

/// weight: (outputs, inputs, 3, 3).
StemStageWeights packStemStage(const float* weight, const float* bias, int outputs, int inputs);

struct StemKernels {
  /// One row of a stage. `input` is the row of the border above the first of the two rows of the map that are pooled, and
  /// `stride` the floats from one row to the next. out: (pooledWidth, outputs). scratch: `stemScratch` floats.
  void (*firstRow)(const StemStageWeights& stage, const float* input, ptrdiff_t stride, int pooledWidth, float* out);
  void (*row)(const StemStageWeights& stage, const float* input, ptrdiff_t stride, int pooledWidth, float* scratch,
              float* out);
};

size_t stemScratch(const StemStageWeights& stage);

const StemKernels& stemKernels(Isa isa);

}  // namespace autobird
