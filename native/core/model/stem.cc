#include "core/model/stem.h"

#include <ATen/ATen.h>

#include "core/model/norm_pool.h"

namespace autobird {

at::Tensor rectified(at::Tensor x) { return x.is_inference() ? x.relu_() : at::relu(x); }

namespace {

constexpr double kMomentum = 0.1;

at::Tensor batchNorm(const at::Tensor& x, const ConvolutionNorm& layer, const ForwardMode& mode) {
  if (layer.folded) return x;
  const BatchNorm& norm = layer.norm;
  const bool keepStatistics = !mode.training || mode.updateStatistics;
  return at::batch_norm(x, norm.weight, norm.bias, keepStatistics ? norm.runningMean : at::Tensor(),
                        keepStatistics ? norm.runningVar : at::Tensor(), mode.training, kMomentum, kNormEpsilon,
                        /*cudnn_enabled=*/true);
}

at::Tensor summed(const at::Tensor& x, at::Tensor y) { return y.is_inference() ? y.add_(x) : x + y; }

at::Tensor convolve(const at::Tensor& x, const Convolution& conv, int64_t stride) {
  return at::conv2d(x, conv.weight, conv.bias, {stride, stride}, {1, 1});
}

// A channel as a whole is dropped, so the factor may come after the pooling, where there is a quarter of the work.
at::Tensor dropChannels(const at::Tensor& x, double p, const ForwardMode& mode, DropoutSeeds& seeds) {
  if (!mode.training || p == 0) return x;
  const at::Tensor keep = channelKeep(x.size(0), x.size(1), p, seeds.next(), x.device());
  return x * keep.to(x.scalar_type()).unsqueeze(-1).unsqueeze(-1);
}

at::Tensor plainStage(const at::Tensor& input, const StemStage& stage, double p, const ForwardMode& mode,
                      DropoutSeeds& seeds) {
  at::Tensor x = convolve(input, stage.down.conv, 1);
  if (mode.training && canFuseNormPool(x)) {
    x = normReluPool(x, stage.down.norm, kMomentum, kNormEpsilon, mode.updateStatistics);
  } else {
    x = batchNorm(x, stage.down, mode);
    x = canPoolRelu(x) ? poolRelu(x) : at::max_pool2d(rectified(x), {2, 2});
  }
  return dropChannels(x, p, mode, seeds);
}

at::Tensor residualStage(const at::Tensor& input, const StemStage& stage, double p, const ForwardMode& mode,
                         DropoutSeeds& seeds) {
  const at::Tensor x = rectified(batchNorm(convolve(input, stage.down.conv, 2), stage.down, mode));
  at::Tensor y = rectified(batchNorm(convolve(x, stage.first.conv, 1), stage.first, mode));
  y = batchNorm(convolve(y, stage.second.conv, 1), stage.second, mode);
  return dropChannels(rectified(summed(x, y)), p, mode, seeds);
}

// Convolutions cannot tell a high note from a low one: a second channel that rises with frequency lets them.
at::Tensor withFrequency(const at::Tensor& x) {
  const at::Tensor ramp = at::linspace(-1, 1, x.size(2), x.options()).view({1, 1, x.size(2), 1}).expand_as(x);
  return at::cat({x, ramp}, 1);
}

}  // namespace

at::Tensor stemForward(const Parameters& parameters, const ModelOptions& options, const at::Tensor& features,
                       const ForwardMode& mode, DropoutSeeds& seeds) {
  at::Tensor x = features.unsqueeze(1);  // (B, 1, M, T)
  if (options.stem == Stem::residual) x = withFrequency(x);
  // oneDNN and our own kernels want a position's channels side by side. With one channel both layouts are the same bytes
  // and contiguous() would leave the strides that say the other one, so they are written.
  x = x.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t channels = x.size(1);
  x = x.as_strided(x.sizes(), {x.size(2) * x.size(3) * channels, 1, x.size(3) * channels, channels});
  for (const StemStage& stage : parameters.stem) {
    x = options.stem == Stem::plain ? plainStage(x, stage, options.stemDropout, mode, seeds)
                                    : residualStage(x, stage, options.stemDropout, mode, seeds);
  }
  return x;
}

at::Tensor poolFrequency(const ModelOptions& options, const at::Tensor& x) {
  const at::Tensor mean = x.mean(2).transpose(1, 2);  // (B, T', C)
  if (options.frequencyPooling == FrequencyPooling::mean) return mean;
  return at::cat({mean, x.amax(2).transpose(1, 2)}, 2);
}

}  // namespace autobird
