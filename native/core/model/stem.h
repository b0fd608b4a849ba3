// Convolutions: log-mel to frames of channels.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/dropout.h"
#include "core/model/parameters.h"

namespace autobird {

/// What a forward pass depends on beside weights and input.
struct ForwardMode {
  bool training = false;
  /// In training: also move the batch norms' running statistics. False only for gradients that must leave no trace.
  bool updateStatistics = true;
  /// Seed of this step's dropout; unused when not training.
  uint64_t dropoutSeed = 0;
};

/// relu(x), in place where no gradient is computed: a fresh tensor of this size costs more than the arithmetic.
at::Tensor rectified(at::Tensor x);

/// features (B, M, T) → (B, C, M', T')
at::Tensor stemForward(const Parameters& parameters, const ModelOptions& options, const at::Tensor& features,
                       const ForwardMode& mode, DropoutSeeds& seeds);

/// (B, C, M', T') → (B, T', C) or (B, T', 2 C): frequency disappears.
at::Tensor poolFrequency(const ModelOptions& options, const at::Tensor& x);

}  // namespace autobird
