// Named tensors in and out of a network.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/model/parameters.h"
#include "core/tensor_data.h"

namespace autobird {

TensorData toTensorData(const std::string& name, const at::Tensor& tensor);
/// Throws Error `damaged_checkpoint` where bytes, dtype and shape do not fit each other.
at::Tensor fromTensorView(const TensorView& data);

/// The network that `prefix + name` of `tensors` is, on `device`; weights require gradients when `trainable`. Throws
/// Error `damaged_checkpoint` that names what is missing, what has another shape, and what the network does not have,
/// all before memory is taken for it: no more is than `tensors` already hold (twice that for 16-bit tensors).
Parameters loadParameters(const ModelOptions& options, int64_t classes, const std::vector<TensorView>& tensors,
                          const std::string& prefix, const at::Device& device, bool trainable);

/// A copy of every tensor on `device`; weights require gradients when `trainable`.
Parameters copyParameters(const Parameters& parameters, const ModelOptions& options, const at::Device& device,
                          bool trainable);

}  // namespace autobird
