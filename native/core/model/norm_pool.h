// Batch norm, ReLU and 2x2 max-pool in training as one operation. Training is bound by memory traffic, and as four operations
// these read and write the largest tensors of the network a dozen times. Here the forward pass reads the convolution's
// output once and the backward pass once more.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/parameters.h"

namespace autobird {

/// Whether `normReluPool` takes this tensor: on the CPU, f32 or bf16, channels last.
bool canFuseNormPool(const at::Tensor& x);

/// max_pool2d(relu(batch_norm(x)), 2) with the batch's own statistics; running statistics are updated on request.
/// x: (B, C, H, W), channels last. Result: (B, C, H / 2, W / 2), channels last.
at::Tensor normReluPool(const at::Tensor& x, const BatchNorm& norm, double momentum, double epsilon,
                        bool updateStatistics);

/// Whether `poolRelu` takes this tensor: in inference mode, on the CPU, f32, channels last.
bool canPoolRelu(const at::Tensor& x);

/// relu(max_pool2d(x, 2)), which is max_pool2d(relu(x), 2), without the indices that LibTorch keeps for a backward pass.
/// x: (B, C, H, W), channels last. Result: (B, C, H / 2, W / 2), channels last.
at::Tensor poolRelu(const at::Tensor& x);

}  // namespace autobird
