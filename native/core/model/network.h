// The whole network: stem, transformer, attention pooling, head (docs/model.md).
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/parameters.h"
#include "core/model/stem.h"

namespace autobird {

struct NetworkOutput {
  at::Tensor logits;     // (B, C)
  at::Tensor embedding;  // (B, D): the pooled frames; under class attention their mean over classes
};

/// features: (B, M, T), normalised. The caller decides about gradients and autocast.
NetworkOutput forward(const Parameters& parameters, const ModelOptions& options, const at::Tensor& features,
                      const ForwardMode& mode);

/// The same for a network that only predicts, from what the stem has made of the features: maps (B, C, M', T').
NetworkOutput forwardMaps(const Parameters& parameters, const ModelOptions& options, const at::Tensor& maps);

/// Mean over rows of the cross-entropy with soft targets. logits, target: (B, C).
at::Tensor softCrossEntropy(const at::Tensor& logits, const at::Tensor& target);

}  // namespace autobird
