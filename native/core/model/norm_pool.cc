#include "core/model/norm_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/kernel.h"

namespace autobird {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Which of a pool's four cells passes the gradient on; none where ReLU cut the largest off.
constexpr uint8_t kNone = 4;

struct Shape {
  int64_t batch, channels, height, width;
  int64_t pooledHeight() const { return height / 2; }
  int64_t pooledWidth() const { return width / 2; }
  int64_t cells() const { return batch * height * width; }
};

Shape shapeOf(const at::Tensor& x) { return {x.size(0), x.size(1), x.size(2), x.size(3)}; }

inline float load(const float* x, int64_t i) { return x[i]; }
inline float load(const uint16_t* x, int64_t i) { return fromBfloat16(x[i]); }
inline void store(float* x, int64_t i, float value) { x[i] = value; }
inline void store(uint16_t* x, int64_t i, float value) { x[i] = toBfloat16(value); }

// Choices by masks of bits: with branches, even of `?:`, GCC leaves these loops scalar.
inline float keepIf(bool condition, float value) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & (0U - static_cast<uint32_t>(condition)));
}
inline void takeIf(bool condition, float value, uint32_t index, float& most, uint32_t& which) {
  const uint32_t mask = 0U - static_cast<uint32_t>(condition);
  most = std::bit_cast<float>((std::bit_cast<uint32_t>(value) & mask) | (std::bit_cast<uint32_t>(most) & ~mask));
  which = (index & mask) | (which & ~mask);
}

// Adds to sum and square, both (C), those of `count` cells of C channels.
template <class T>
inline __attribute__((always_inline)) void addCells(const T* __restrict x, int64_t count, int64_t channels,
                                                    float* __restrict sum, float* __restrict square) {
  for (int64_t cell = 0; cell < count; ++cell) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const float value = load(x, cell * channels + c);
      sum[c] += value;
      square[c] += value * value;
    }
  }
}

// Two rows of cells, (W, C) each, to one row of pools: per channel the cell that is largest after the norm, which is the
// smallest before it where the channel's weight is negative (sign -1), and which of the four it was.
template <class T>
inline __attribute__((always_inline)) void poolRows(const T* __restrict top, const T* __restrict bottom, int64_t pools,
                                                    int64_t channels, const float* __restrict sign, T* __restrict best,
                                                    uint8_t* __restrict which, float* __restrict sum,
                                                    float* __restrict square) {
  for (int64_t pool = 0; pool < pools; ++pool) {
    const int64_t left = 2 * pool * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const float a = load(top, left + c);
      const float b = load(top, left + channels + c);
      const float d = load(bottom, left + c);
      const float e = load(bottom, left + channels + c);
      sum[c] += (a + b) + (d + e);
      square[c] += (a * a + b * b) + (d * d + e * e);
      const float s = sign[c];
      float most = a;
      uint32_t index = 0;
      takeIf(s * b > s * most, b, 1, most, index);
      takeIf(s * d > s * most, d, 2, most, index);
      takeIf(s * e > s * most, e, 3, most, index);
      store(best, pool * channels + c, most);
      which[pool * channels + c] = static_cast<uint8_t>(index);
    }
  }
}

// best becomes max(0, best * scale + shift) in y.
template <class T>
inline __attribute__((always_inline)) void finishPools(const T* __restrict best, int64_t count, int64_t channels,
                                                       const float* __restrict scale, const float* __restrict shift,
                                                       T* __restrict y, uint8_t* __restrict which) {
  for (int64_t pool = 0; pool < count; ++pool) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = pool * channels + c;
      const float value = load(best, i) * scale[c] + shift[c];
      const bool positive = value > 0;
      store(y, i, keepIf(positive, value));
      which[i] = positive ? which[i] : kNone;
    }
  }
}

// Sums over pools of the gradient and of gradient times normalised input, both (C).
template <class T>
inline __attribute__((always_inline)) void addGradients(const T* __restrict gradient, const T* __restrict best,
                                                        const uint8_t* __restrict which, int64_t count,
                                                        int64_t channels, const float* __restrict mean,
                                                        float* __restrict sum, float* __restrict product) {
  for (int64_t pool = 0; pool < count; ++pool) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = pool * channels + c;
      const float g = keepIf(which[i] != kNone, load(gradient, i));
      sum[c] += g;
      product[c] += g * (load(best, i) - mean[c]);
    }
  }
}

// Gradient of two rows of cells: slope * x + offset everywhere, plus scale * gradient in the cell that won.
template <class T>
inline __attribute__((always_inline)) void spreadRows(const T* __restrict top, const T* __restrict bottom,
                                                      const T* __restrict gradient, const uint8_t* __restrict which,
                                                      int64_t pools, int64_t channels, const float* __restrict scale,
                                                      const float* __restrict slope, const float* __restrict offset,
                                                      T* __restrict outTop, T* __restrict outBottom) {
  for (int64_t pool = 0; pool < pools; ++pool) {
    const int64_t left = 2 * pool * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const float g = scale[c] * load(gradient, pool * channels + c);
      const uint32_t winner = which[pool * channels + c];
      const float a = slope[c] * load(top, left + c) + offset[c];
      const float b = slope[c] * load(top, left + channels + c) + offset[c];
      const float d = slope[c] * load(bottom, left + c) + offset[c];
      const float e = slope[c] * load(bottom, left + channels + c) + offset[c];
      store(outTop, left + c, a + keepIf(winner == 0, g));
      store(outTop, left + channels + c, b + keepIf(winner == 1, g));
      store(outBottom, left + c, d + keepIf(winner == 2, g));
      store(outBottom, left + channels + c, e + keepIf(winner == 3, g));
    }
  }
}

template <class T>
inline __attribute__((always_inline)) void spreadCells(const T* __restrict x, int64_t count, int64_t channels,
                                                       const float* __restrict slope, const float* __restrict offset,
                                                       T* __restrict out) {
  for (int64_t cell = 0; cell < count; ++cell) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = cell * channels + c;
      store(out, i, slope[c] * load(x, i) + offset[c]);
    }
  }
}

template <class T>
struct ForwardTask {
  const T* x;
  const float* sign;
  T* best;
  uint8_t* which;
  Shape shape;
};

template <class T>
struct BackwardTask {
  const T* x;
  const T* gradient;
  const uint8_t* which;
  const float* scale;
  const float* slope;
  const float* offset;
  T* out;
  Shape shape;
};

// One pair of rows; the odd last row of an image goes with its last pair. sum, square: (C), set here.
template <class T>
inline __attribute__((always_inline)) void forwardPair(const ForwardTask<T>& task, int64_t pair, float* sum,
                                                       float* square) {
  const Shape& shape = task.shape;
  const int64_t row = shape.width * shape.channels;
  const int64_t pools = shape.pooledWidth();
  const int64_t image = pair / shape.pooledHeight();
  const int64_t pooledRow = pair % shape.pooledHeight();
  const T* top = task.x + (image * shape.height + 2 * pooledRow) * row;
  std::memset(sum, 0, sizeof(float) * static_cast<size_t>(shape.channels));
  std::memset(square, 0, sizeof(float) * static_cast<size_t>(shape.channels));
  const int64_t at = pair * pools * shape.channels;
  poolRows(top, top + row, pools, shape.channels, task.sign, task.best + at, task.which + at, sum, square);
  const int64_t odd = shape.width - 2 * pools;
  addCells(top + 2 * pools * shape.channels, odd, shape.channels, sum, square);
  addCells(top + row + 2 * pools * shape.channels, odd, shape.channels, sum, square);
  if (shape.height % 2 == 1 && pooledRow == shape.pooledHeight() - 1)
    addCells(top + 2 * row, shape.width, shape.channels, sum, square);
}

template <class T>
inline __attribute__((always_inline)) void backwardPair(const BackwardTask<T>& task, int64_t pair) {
  const Shape& shape = task.shape;
  const int64_t row = shape.width * shape.channels;
  const int64_t pools = shape.pooledWidth();
  const int64_t image = pair / shape.pooledHeight();
  const int64_t pooledRow = pair % shape.pooledHeight();
  const int64_t start = (image * shape.height + 2 * pooledRow) * row;
  const T* top = task.x + start;
  T* out = task.out + start;
  const int64_t at = pair * pools * shape.channels;
  spreadRows(top, top + row, task.gradient + at, task.which + at, pools, shape.channels, task.scale, task.slope,
             task.offset, out, out + row);
  const int64_t odd = shape.width - 2 * pools;
  const int64_t right = 2 * pools * shape.channels;
  spreadCells(top + right, odd, shape.channels, task.slope, task.offset, out + right);
  spreadCells(top + row + right, odd, shape.channels, task.slope, task.offset, out + row + right);
  if (shape.height % 2 == 1 && pooledRow == shape.pooledHeight() - 1) {
    spreadCells(top + 2 * row, shape.width, shape.channels, task.slope, task.offset, out + 2 * row);
  }
}

// target_clones does not go with templates, so the clones are these.
AUTOBIRD_KERNEL void forwardKernel(const ForwardTask<float>& task, int64_t pair, float* sum, float* square) {
  forwardPair(task, pair, sum, square);
}
AUTOBIRD_KERNEL void forwardKernel16(const ForwardTask<uint16_t>& task, int64_t pair, float* sum, float* square) {
  forwardPair(task, pair, sum, square);
}
AUTOBIRD_KERNEL void finishKernel(const float* best, int64_t count, int64_t channels, const float* scale,
                                  const float* shift, float* y, uint8_t* which) {
  finishPools(best, count, channels, scale, shift, y, which);
}
AUTOBIRD_KERNEL void finishKernel16(const uint16_t* best, int64_t count, int64_t channels, const float* scale,
                                    const float* shift, uint16_t* y, uint8_t* which) {
  finishPools(best, count, channels, scale, shift, y, which);
}
AUTOBIRD_KERNEL void sumKernel(const float* gradient, const float* best, const uint8_t* which, int64_t count,
                               int64_t channels, const float* mean, float* sum, float* product) {
  addGradients(gradient, best, which, count, channels, mean, sum, product);
}
AUTOBIRD_KERNEL void sumKernel16(const uint16_t* gradient, const uint16_t* best, const uint8_t* which, int64_t count,
                                 int64_t channels, const float* mean, float* sum, float* product) {
  addGradients(gradient, best, which, count, channels, mean, sum, product);
}
AUTOBIRD_KERNEL void backwardKernel(const BackwardTask<float>& task, int64_t pair) { backwardPair(task, pair); }
AUTOBIRD_KERNEL void backwardKernel16(const BackwardTask<uint16_t>& task, int64_t pair) { backwardPair(task, pair); }

inline void forwardOf(const ForwardTask<float>& task, int64_t pair, float* sum, float* square) {
  forwardKernel(task, pair, sum, square);
}
inline void forwardOf(const ForwardTask<uint16_t>& task, int64_t pair, float* sum, float* square) {
  forwardKernel16(task, pair, sum, square);
}
inline void finishOf(const float* best, int64_t n, int64_t c, const float* scale, const float* shift, float* y,
                     uint8_t* which) {
  finishKernel(best, n, c, scale, shift, y, which);
}
inline void finishOf(const uint16_t* best, int64_t n, int64_t c, const float* scale, const float* shift, uint16_t* y,
                     uint8_t* which) {
  finishKernel16(best, n, c, scale, shift, y, which);
}
inline void sumOf(const float* g, const float* best, const uint8_t* which, int64_t n, int64_t c, const float* mean,
                  float* sum, float* product) {
  sumKernel(g, best, which, n, c, mean, sum, product);
}
inline void sumOf(const uint16_t* g, const uint16_t* best, const uint8_t* which, int64_t n, int64_t c,
                  const float* mean, float* sum, float* product) {
  sumKernel16(g, best, which, n, c, mean, sum, product);
}
inline void backwardOf(const BackwardTask<float>& task, int64_t pair) { backwardKernel(task, pair); }
inline void backwardOf(const BackwardTask<uint16_t>& task, int64_t pair) { backwardKernel16(task, pair); }

template <class T>
const T* input(const at::Tensor& x) {
  return static_cast<const T*>(x.const_data_ptr());
}
template <class T>
T* output(const at::Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

// (2, C) sums in double, each thread's own first, then together in a fixed order. `add(pair, first, second)` sets two (C).
template <class Add>
std::vector<double> sumPairs(int64_t pairs, int64_t channels, const Add& add) {
  const auto width = static_cast<size_t>(channels);
  std::vector<std::vector<double>> parts(static_cast<size_t>(at::get_num_threads()), std::vector<double>(2 * width));
  at::parallel_for(0, pairs, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(2 * width);
    std::vector<double>& part = parts[static_cast<size_t>(at::get_thread_num())];
    for (int64_t pair = begin; pair < end; ++pair) {
      add(pair, sums.data(), sums.data() + width);
      for (size_t i = 0; i < sums.size(); ++i) part[i] += sums[i];
    }
  });
  for (size_t worker = 1; worker < parts.size(); ++worker) {
    for (size_t i = 0; i < parts[0].size(); ++i) parts[0][i] += parts[worker][i];
  }
  return parts[0];
}

at::Tensor likePooled(const at::Tensor& x, const Shape& shape, at::ScalarType type) {
  return at::empty({shape.batch, shape.channels, shape.pooledHeight(), shape.pooledWidth()}, x.options().dtype(type),
                   at::MemoryFormat::ChannelsLast);
}

struct Saved {
  at::Tensor best, which, statistics;  // statistics (2, C): mean, 1 / deviation
};

template <class T>
at::Tensor forwardAs(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     const at::Tensor& runningMean, const at::Tensor& runningVar, double momentum, double epsilon,
                     bool updateStatistics, Saved& saved) {
  const Shape shape = shapeOf(x);
  const int64_t channels = shape.channels;
  saved.best = likePooled(x, shape, x.scalar_type());
  saved.which = likePooled(x, shape, at::kByte);
  saved.statistics = at::empty({2, channels}, at::kFloat);
  const float* gamma = weight.const_data_ptr<float>();
  const float* beta = bias.const_data_ptr<float>();
  std::vector<float> sign(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) sign[c] = gamma[c] < 0 ? -1.0F : 1.0F;

  const ForwardTask<T> task{input<T>(x), sign.data(), output<T>(saved.best), output<uint8_t>(saved.which), shape};
  const int64_t pairs = shape.batch * shape.pooledHeight();
  const std::vector<double> sums =
      sumPairs(pairs, channels, [&](int64_t pair, float* sum, float* square) { forwardOf(task, pair, sum, square); });

  const auto cells = static_cast<double>(shape.cells());
  float* mean = saved.statistics.mutable_data_ptr<float>();
  float* inverse = mean + channels;
  std::vector<float> scale(static_cast<size_t>(channels));
  std::vector<float> shift(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) {
    const double average = sums[c] / cells;
    const double variance = std::max(0.0, sums[channels + c] / cells - average * average);
    mean[c] = static_cast<float>(average);
    inverse[c] = static_cast<float>(1 / std::sqrt(variance + epsilon));
    scale[c] = gamma[c] * inverse[c];
    shift[c] = beta[c] - mean[c] * scale[c];
    if (!updateStatistics) continue;
    float& movingMean = runningMean.mutable_data_ptr<float>()[c];
    float& movingVar = runningVar.mutable_data_ptr<float>()[c];
    movingMean = static_cast<float>((1 - momentum) * movingMean + momentum * average);
    movingVar = static_cast<float>((1 - momentum) * movingVar + momentum * variance * cells / std::max(1.0, cells - 1));
  }

  at::Tensor y = likePooled(x, shape, x.scalar_type());
  const int64_t pools = pairs * shape.pooledWidth();
  at::parallel_for(0, pools, at::internal::GRAIN_SIZE / channels, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * channels;
    finishOf(input<T>(saved.best) + at, end - begin, channels, scale.data(), shift.data(), output<T>(y) + at,
             output<uint8_t>(saved.which) + at);
  });
  return y;
}

template <class T>
variable_list backwardAs(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& weight,
                         const Saved& saved) {
  const Shape shape = shapeOf(x);
  const int64_t channels = shape.channels;
  const float* gamma = weight.const_data_ptr<float>();
  const float* mean = saved.statistics.const_data_ptr<float>();
  const float* inverse = mean + channels;
  const int64_t pairs = shape.batch * shape.pooledHeight();
  const int64_t pools = shape.pooledWidth();
  const std::vector<double> sums = sumPairs(pairs, channels, [&](int64_t pair, float* sum, float* product) {
    std::memset(sum, 0, sizeof(float) * static_cast<size_t>(channels));
    std::memset(product, 0, sizeof(float) * static_cast<size_t>(channels));
    const int64_t at = pair * pools * channels;
    sumOf(input<T>(gradient) + at, input<T>(saved.best) + at, input<uint8_t>(saved.which) + at, pools, channels, mean,
          sum, product);
  });

  // d loss / d x = gamma / deviation * (g - mean(g) - normalised x * mean(g * normalised x)), means over all cells.
  at::Tensor weightGradient = at::empty({channels}, at::kFloat);
  at::Tensor biasGradient = at::empty({channels}, at::kFloat);
  std::vector<float> scale(static_cast<size_t>(channels));
  std::vector<float> slope(static_cast<size_t>(channels));
  std::vector<float> offset(static_cast<size_t>(channels));
  const auto cells = static_cast<double>(shape.cells());
  for (int64_t c = 0; c < channels; ++c) {
    const double product = sums[channels + c] * inverse[c];
    weightGradient.mutable_data_ptr<float>()[c] = static_cast<float>(product);
    biasGradient.mutable_data_ptr<float>()[c] = static_cast<float>(sums[c]);
    const double factor = static_cast<double>(gamma[c]) * inverse[c];
    const double tilt = -factor * inverse[c] * product / cells;
    scale[c] = static_cast<float>(factor);
    slope[c] = static_cast<float>(tilt);
    offset[c] = static_cast<float>(-factor * sums[c] / cells - tilt * mean[c]);
  }
  at::Tensor out = at::empty_like(x);
  const BackwardTask<T> task{input<T>(x),
                             input<T>(gradient),
                             input<uint8_t>(saved.which),
                             scale.data(),
                             slope.data(),
                             offset.data(),
                             output<T>(out),
                             shape};
  at::parallel_for(0, pairs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t pair = begin; pair < end; ++pair) backwardOf(task, pair);
  });
  return {out, weightGradient, biasGradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
}

struct NormReluPool : torch::autograd::Function<NormReluPool> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar,
                            double momentum, double epsilon, bool updateStatistics) {
    Saved saved;
    at::Tensor y =
        x.scalar_type() == at::kFloat
            ? forwardAs<float>(x, weight, bias, runningMean, runningVar, momentum, epsilon, updateStatistics, saved)
            : forwardAs<uint16_t>(x, weight, bias, runningMean, runningVar, momentum, epsilon, updateStatistics, saved);
    context->save_for_backward({x, weight, saved.best, saved.which, saved.statistics});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list tensors = context->get_saved_variables();
    const at::Tensor& x = tensors[0];
    const Saved saved{tensors[2], tensors[3], tensors[4]};
    const at::Tensor gradient = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    return x.scalar_type() == at::kFloat ? backwardAs<float>(x, gradient, tensors[1], saved)
                                         : backwardAs<uint16_t>(x, gradient, tensors[1], saved);
  }
};

}  // namespace

bool canFuseNormPool(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && x.size(2) >= 2 &&
         x.size(3) >= 2 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor normReluPool(const at::Tensor& x, const BatchNorm& norm, double momentum, double epsilon,
                        bool updateStatistics) {
  return NormReluPool::apply(x, norm.weight, norm.bias, norm.runningMean, norm.runningVar, momentum, epsilon,
                             updateStatistics);
}

bool canPoolRelu(const at::Tensor& x) {
  return x.is_inference() && x.is_cpu() && x.scalar_type() == at::kFloat &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor poolRelu(const at::Tensor& x) {
  const int64_t rows = x.size(0);
  const int64_t channels = x.size(1);
  const int64_t height = x.size(2) / 2;
  const int64_t width = x.size(3) / 2;
  const int64_t inputWidth = x.size(3);
  at::Tensor y = at::empty({rows, channels, height, width}, x.options(), at::MemoryFormat::ChannelsLast);
  const float* source = x.const_data_ptr<float>();
  float* target = y.mutable_data_ptr<float>();
  at::parallel_for(0, rows * height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t row = line / height;
      const float* upper = source + (row * x.size(2) + 2 * (line % height)) * inputWidth * channels;
      const float* lower = upper + inputWidth * channels;
      float* out = target + line * width * channels;
      for (int64_t w = 0; w < width; ++w) {
        const float* a = upper + 2 * w * channels;
        const float* b = lower + 2 * w * channels;
        for (int64_t c = 0; c < channels; ++c) {
          const float left = std::max(a[c], b[c]);
          const float right = std::max(a[channels + c], b[channels + c]);
          out[w * channels + c] = std::max(0.0F, std::max(left, right));
        }
      }
    }
  });
  return y;
}

}  // namespace autobird
