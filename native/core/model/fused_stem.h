// The plain stem of a network that only predicts, on the CPU in f32: a clip goes through it with nothing larger than a pooled
// map in memory, and the second convolution takes Winograd's way.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "core/model/parameters.h"
#include "core/model/stem_kernels.h"

namespace autobird {

class FusedStem {
 public:
  /// Null where the stem is of another kind or its channels do not fit the kernels. The norms must be folded.
  static std::shared_ptr<const FusedStem> of(const Parameters& parameters, const ModelOptions& options);

  /// features: (B, M, T), contiguous, f32. Gives (B, C, M', T'), channels last; the scores of a clip do not depend on the others.
  at::Tensor forward(const at::Tensor& features) const;

 private:
  std::vector<StemStageWeights> stages_;
};

}  // namespace autobird
