// The network's tensors, and the one place that gives them names (docs/model.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/model/options.h"

namespace autobird {

struct Linear {
  at::Tensor weight;  // (out, in)
  at::Tensor bias;    // (out)
};

struct Convolution {
  at::Tensor weight;  // (out, in, 3, 3)
  at::Tensor bias;    // (out); undefined where batch norm follows in the residual stem, which takes any bias away again
};

struct LayerNorm {
  at::Tensor weight;  // (D)
  at::Tensor bias;    // (D)
};

struct BatchNorm {
  at::Tensor weight;       // (C)
  at::Tensor bias;         // (C)
  at::Tensor runningMean;  // (C)
  at::Tensor runningVar;   // (C)
};

/// Added to the variance before its root.
constexpr double kNormEpsilon = 1e-5;

struct ConvolutionNorm {
  Convolution conv;
  BatchNorm norm;
  bool folded = false;  // the norm is in the convolution's weight and bias already (`foldNorms`)
};

/// One stage of the stem. Plain: `down` alone. Residual: `down` with stride 2, then a block of two.
struct StemStage {
  ConvolutionNorm down;
  ConvolutionNorm first;
  ConvolutionNorm second;
};

struct EncoderLayer {
  LayerNorm norm1;
  Linear inProjection;  // (3 D, D): query, key, value
  Linear outProjection;
  LayerNorm norm2;
  Linear linear1;  // (F, D)
  Linear linear2;  // (D, F)
};

struct Parameters {
  std::vector<StemStage> stem;
  Linear project;       // (D, what the stem leaves of a frame)
  at::Tensor position;  // (L, D)
  LayerNorm norm;
  std::vector<EncoderLayer> layers;
  LayerNorm finalNorm;    // class attention only: it averages single frames' scores, which must have one scale
  Linear attention;       // (D, D)
  Linear attentionScore;  // (1, D) or (C, D)
  Linear head;            // (C, D)
};

enum class TensorKind { weight, buffer };

using TensorVisitor = std::function<void(const std::string& name, at::Tensor& tensor, TensorKind kind)>;

/// Every tensor of the network in a fixed order: that of the optimizer's state and of checkpoints.
void forEachTensor(Parameters& parameters, const ModelOptions& options, const TensorVisitor& visit);

/// Puts every batch norm, as it is in evaluation, into the convolution before it: the same function with a pass over memory
/// less for each. For networks that are not trained any more.
void foldNorms(Parameters& parameters);

/// Initial weights as PyTorch's layers draw them, on the CPU, from `seed` alone. Throws `invalid_argument` as
/// `parameterShapes` does.
Parameters initialParameters(const ModelOptions& options, int64_t classes, uint64_t seed);

/// The same tensors without values or memory (on the meta device). Throws `invalid_argument` for options that make no
/// network, or one too large to be meant.
Parameters parameterShapes(const ModelOptions& options, int64_t classes);

}  // namespace autobird
