#include "core/model/network.h"

#include <ATen/ATen.h>

#include <cmath>

namespace autobird {
namespace {

at::Tensor apply(const Linear& layer, const at::Tensor& x) { return at::linear(x, layer.weight, layer.bias); }

at::Tensor apply(const LayerNorm& norm, const at::Tensor& x) {
  return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, 1e-5);
}

struct Dropping {
  double p;
  const ForwardMode& mode;
  DropoutSeeds& seeds;

  bool active() const { return mode.training && p > 0; }
  at::Tensor operator()(const at::Tensor& x) const { return active() ? dropout(x, p, seeds.next()) : x; }
  at::Tensor afterRelu(const at::Tensor& x) const { return active() ? reluDropout(x, p, seeds.next()) : rectified(x); }
};

// x: (B, T, D)
at::Tensor selfAttention(const EncoderLayer& layer, int64_t heads, const at::Tensor& x, const Dropping& drop) {
  const int64_t rows = x.size(0);
  const int64_t frames = x.size(1);
  const int64_t width = x.size(2);
  const at::Tensor stacked =
      apply(layer.inProjection, x).view({rows, frames, 3, heads, width / heads}).permute({2, 0, 3, 1, 4});
  const at::Tensor query = stacked[0];  // (B, H, T, D / H)
  const at::Tensor key = stacked[1];
  const at::Tensor value = stacked[2];
  at::Tensor y;
  if (drop.active()) {
    // scaled_dot_product_attention draws its dropout from the process-wide generator, and takes this very path for it
    // on the CPU; written out, the draw depends on the step alone. T is tens of frames.
    const at::Tensor scores =
        at::matmul(query * (1 / std::sqrt(static_cast<double>(width / heads))), key.transpose(-2, -1));
    y = at::matmul(drop(at::softmax(scores, -1)), value);
  } else {
    y = at::scaled_dot_product_attention(query, key, value);
  }
  return apply(layer.outProjection, y.transpose(1, 2).reshape({rows, frames, width}));
}

// torch.nn.TransformerEncoderLayer with norm_first and ReLU.
at::Tensor encode(const EncoderLayer& layer, int64_t heads, const at::Tensor& input, const Dropping& drop) {
  at::Tensor x = input + drop(selfAttention(layer, heads, apply(layer.norm1, input), drop));
  const at::Tensor hidden = drop.afterRelu(apply(layer.linear1, apply(layer.norm2, x)));
  return x + drop(apply(layer.linear2, hidden));
}

NetworkOutput afterStem(const Parameters& parameters, const ModelOptions& options, const at::Tensor& maps,
                        const Dropping& drop) {
  at::Tensor x = poolFrequency(options, maps);
  x = apply(parameters.project, x);  // (B, T', D)
  x = drop(x + parameters.position.narrow(0, 0, x.size(1)));
  x = apply(parameters.norm, x);
  for (const EncoderLayer& layer : parameters.layers) x = encode(layer, options.nHeads, x, drop);
  if (options.pooling == Pooling::classAttention) x = apply(parameters.finalNorm, x);

  const at::Tensor hidden = drop(at::tanh(apply(parameters.attention, x)));
  const at::Tensor weights =
      at::softmax(apply(parameters.attentionScore, hidden), 1);  // (B, T', 1) or (B, T', C), over time
  NetworkOutput output;
  if (options.pooling == Pooling::attention) {
    output.embedding = (x * weights).sum(1);
    output.logits = apply(parameters.head, output.embedding);
  } else {
    // Each class weighs the frames its own way: pooling the frames' scores equals scoring the pooled frames.
    output.embedding = (x * weights.mean(2, /*keepdim=*/true)).sum(1);
    output.logits = (at::linear(x, parameters.head.weight) * weights).sum(1) + parameters.head.bias;
  }
  return output;
}

}  // namespace

NetworkOutput forward(const Parameters& parameters, const ModelOptions& options, const at::Tensor& features,
                      const ForwardMode& mode) {
  validateShape(options, features.size(1), features.size(2));
  DropoutSeeds seeds(mode.dropoutSeed);
  const Dropping drop{options.dropout, mode, seeds};
  return afterStem(parameters, options, stemForward(parameters, options, features, mode, seeds), drop);
}

NetworkOutput forwardMaps(const Parameters& parameters, const ModelOptions& options, const at::Tensor& maps) {
  const ForwardMode mode;
  DropoutSeeds seeds(0);
  return afterStem(parameters, options, maps, Dropping{options.dropout, mode, seeds});
}

at::Tensor softCrossEntropy(const at::Tensor& logits, const at::Tensor& target) {
  return -(at::log_softmax(logits.to(at::kFloat), 1) * target).sum(1).mean();
}

}  // namespace autobird
