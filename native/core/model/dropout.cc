#include "core/model/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdlib>

#include "core/kernel.h"

namespace autobird {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A 32-bit finaliser with full avalanche ("lowbias32", Chris Wellons, public domain): multiplications and shifts only,
// so compilers turn it into vectors.
inline uint32_t hash(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  return x;
}

struct Draw {
  uint32_t key;
  uint32_t dropBelow;
  float scale;
};

Draw drawOf(double p, uint64_t seed) {
  return {static_cast<uint32_t>(seed ^ (seed >> 32)), static_cast<uint32_t>(p * 4294967296.0),
          static_cast<float>(1 / (1 - p))};
}

// The index is hashed twice with the key between, so that two sites never see shifted copies of one sequence.
inline bool kept(const Draw& draw, uint32_t index) { return hash(hash(index) ^ draw.key) >= draw.dropBelow; }

AUTOBIRD_KERNEL void dropFloat(const float* x, float* y, int64_t begin, int64_t end, Draw draw, bool relu) {
  for (int64_t i = begin; i < end; ++i) {
    const float value = relu && !(x[i] > 0) ? 0.0F : x[i];
    y[i] = kept(draw, static_cast<uint32_t>(i)) ? value * draw.scale : 0.0F;
  }
}

AUTOBIRD_KERNEL void dropBfloat16(const uint16_t* x, uint16_t* y, int64_t begin, int64_t end, Draw draw, bool relu) {
  for (int64_t i = begin; i < end; ++i) {
    const float value = fromBfloat16(x[i]);
    const float positive = relu && !(value > 0) ? 0.0F : value;
    y[i] = toBfloat16(kept(draw, static_cast<uint32_t>(i)) ? positive * draw.scale : 0.0F);
  }
}

bool ownKernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor dropElements(const at::Tensor& input, double p, uint64_t seed, bool relu) {
  const at::Tensor x = input.contiguous();
  at::Tensor y = at::empty_like(x);
  const Draw draw = drawOf(p, seed);
  at::parallel_for(0, x.numel(), at::internal::GRAIN_SIZE, [&](int64_t begin, int64_t end) {
    if (x.scalar_type() == at::kFloat) {
      dropFloat(x.const_data_ptr<float>(), y.mutable_data_ptr<float>(), begin, end, draw, relu);
    } else {
      dropBfloat16(bits(x), mutableBits(y), begin, end, draw, relu);
    }
  });
  return y;
}

// Other devices and types: a mask from a generator of its own, on a GPU by its one kernel for all of it.
at::Tensor dropStoringMask(const at::Tensor& x, double p, uint64_t seed) {
  at::Generator generator = generatorFor(x.device(), seed);
  if (x.is_cuda()) return std::get<0>(at::_fused_dropout(x, 1 - p, generator));
  return x * at::empty_like(x, at::MemoryFormat::Contiguous).bernoulli_(1 - p, generator).div_(1 - p);
}

struct Dropout : torch::autograd::Function<Dropout> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, double p, int64_t seed) {
    context->saved_data["p"] = p;
    context->saved_data["seed"] = seed;
    return dropElements(x, p, static_cast<uint64_t>(seed), false);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto seed = static_cast<uint64_t>(context->saved_data["seed"].toInt());
    return {dropElements(gradients[0], context->saved_data["p"].toDouble(), seed, false), at::Tensor(), at::Tensor()};
  }
};

struct ReluDropout : torch::autograd::Function<ReluDropout> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, double p, int64_t seed) {
    at::Tensor y = dropElements(x, p, static_cast<uint64_t>(seed), true);
    context->saved_data["p"] = p;
    context->save_for_backward({y});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor y = context->get_saved_variables()[0];
    // What was dropped or negative is 0 in y, and nothing else is.
    const at::Tensor gradient = at::threshold_backward(gradients[0], y, 0);
    return {gradient.mul(1 / (1 - context->saved_data["p"].toDouble())), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

uint64_t mixSeeds(uint64_t a, uint64_t b) {
  uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t DropoutSeeds::next() {
  next_ = mixSeeds(next_, 1);
  return next_;
}

at::Tensor dropout(const at::Tensor& x, double p, uint64_t seed) {
  if (p == 0) return x;
  if (ownKernel(x)) return Dropout::apply(x, p, static_cast<int64_t>(seed));
  return dropStoringMask(x, p, seed);
}

at::Tensor reluDropout(const at::Tensor& x, double p, uint64_t seed) {
  if (p == 0) return at::relu(x);
  if (ownKernel(x)) return ReluDropout::apply(x, p, static_cast<int64_t>(seed));
  return dropStoringMask(at::relu(x), p, seed);
}

at::Tensor channelKeep(int64_t rows, int64_t channels, double p, uint64_t seed, const at::Device& device) {
  if (!device.is_cpu()) return dropStoringMask(at::ones({rows, channels}, device), p, seed);
  at::Tensor keep = at::empty({rows, channels}, at::kFloat);
  const Draw draw = drawOf(p, seed);
  float* data = keep.mutable_data_ptr<float>();
  for (int64_t i = 0; i < rows * channels; ++i) data[i] = kept(draw, static_cast<uint32_t>(i)) ? draw.scale : 0.0F;
  return keep;
}

}  // namespace autobird
