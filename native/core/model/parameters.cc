#include "core/model/parameters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <optional>

#include "core/error.h"

namespace autobird {
namespace {

// 1 GB in f32, and four times that in training.
constexpr int64_t kMaxValues = int64_t{1} << 28;

// Where values come from. Without a generator tensors have a shape and nothing else: what a file says about a network
// is held against the file's tensors before any memory is taken for it.
class Source {
 public:
  Source() = default;
  explicit Source(uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

  // In +- bound; 1 / sqrt(inputs) is what torch.nn.Linear and Conv2d do to weight and bias.
  at::Tensor uniform(at::IntArrayRef shape, double bound) {
    at::Tensor tensor = empty(shape);
    return generator_ ? tensor.uniform_(-bound, bound, generator_) : tensor;
  }
  at::Tensor normal(at::IntArrayRef shape, double deviation) {
    at::Tensor tensor = empty(shape);
    return generator_ ? tensor.normal_(0, deviation, generator_) : tensor;
  }
  at::Tensor filled(at::IntArrayRef shape, double value) {
    at::Tensor tensor = empty(shape);
    return generator_ ? tensor.fill_(value) : tensor;
  }

 private:
  at::Tensor empty(at::IntArrayRef shape) const {
    return at::empty(shape, at::TensorOptions(generator_ ? at::kCPU : at::kMeta).dtype(at::kFloat));
  }

  std::optional<at::Generator> generator_;
};

Linear linear(int64_t out, int64_t in, Source& source) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Linear result;
  result.weight = source.uniform({out, in}, bound);
  result.bias = source.uniform({out}, bound);
  return result;
}

LayerNorm layerNorm(int64_t width, Source& source) { return {source.filled({width}, 1), source.filled({width}, 0)}; }

ConvolutionNorm convolutionNorm(int64_t out, int64_t in, bool bias, Source& source) {
  const double bound = 1 / std::sqrt(static_cast<double>(in * 9));
  ConvolutionNorm result;
  result.conv.weight = source.uniform({out, in, 3, 3}, bound);
  if (bias) result.conv.bias = source.uniform({out}, bound);
  result.norm = {source.filled({out}, 1), source.filled({out}, 0), source.filled({out}, 0), source.filled({out}, 1)};
  return result;
}

EncoderLayer encoderLayer(const ModelOptions& options, Source& source) {
  const int64_t width = options.dModel;
  EncoderLayer layer;
  layer.norm1 = layerNorm(width, source);
  // torch.nn.MultiheadAttention: Xavier for the stacked projection, zero biases.
  layer.inProjection = {source.uniform({3 * width, width}, std::sqrt(6.0 / static_cast<double>(4 * width))),
                        source.filled({3 * width}, 0)};
  layer.outProjection = linear(width, width, source);
  layer.outProjection.bias = source.filled({width}, 0);
  layer.norm2 = layerNorm(width, source);
  layer.linear1 = linear(options.ffDim, width, source);
  layer.linear2 = linear(width, options.ffDim, source);
  return layer;
}

Parameters build(const ModelOptions& options, int64_t classes, Source source) {
  const bool residual = options.stem == Stem::residual;
  Parameters parameters;
  int64_t in = residual ? 2 : 1;  // the residual stem also sees where in frequency it is
  for (const int64_t channels : options.stemChannels) {
    StemStage stage;
    stage.down = convolutionNorm(channels, in, !residual, source);
    if (residual) {
      stage.first = convolutionNorm(channels, channels, false, source);
      stage.second = convolutionNorm(channels, channels, false, source);
    }
    parameters.stem.push_back(stage);
    in = channels;
  }
  const int64_t width = options.dModel;
  parameters.project = linear(width, options.frequencyPooling == FrequencyPooling::meanMax ? 2 * in : in, source);
  parameters.position = source.normal({options.maxLen, width}, 0.02);
  parameters.norm = layerNorm(width, source);
  for (int64_t i = 0; i < options.nLayers; ++i) parameters.layers.push_back(encoderLayer(options, source));
  const bool classAttention = options.pooling == Pooling::classAttention;
  if (classAttention) parameters.finalNorm = layerNorm(width, source);
  parameters.attention = linear(width, width, source);
  parameters.attentionScore = linear(classAttention ? classes : 1, width, source);
  parameters.head = linear(classes, width, source);
  return parameters;
}

}  // namespace

Parameters parameterShapes(const ModelOptions& options, int64_t classes) {
  validate(options, classes);
  Parameters shapes = build(options, classes, Source());
  int64_t values = 0;
  forEachTensor(shapes, options, [&](const std::string&, at::Tensor& tensor, TensorKind) { values += tensor.numel(); });
  if (values <= kMaxValues) return shapes;
  throw invalidArgument("Expected model options for at most " + std::to_string(kMaxValues) +
                        " weights but received options for " + std::to_string(values) +
                        ": use a smaller model.dModel, model.ffDim, model.nLayers or model.stemChannels");
}

Parameters initialParameters(const ModelOptions& options, int64_t classes, uint64_t seed) {
  parameterShapes(options, classes);
  return build(options, classes, Source(seed));
}

void forEachTensor(Parameters& parameters, const ModelOptions& options, const TensorVisitor& visit) {
  auto visitLinear = [&](const std::string& name, Linear& layer) {
    visit(name + ".weight", layer.weight, TensorKind::weight);
    visit(name + ".bias", layer.bias, TensorKind::weight);
  };
  auto visitNorm = [&](const std::string& name, LayerNorm& layer) {
    visit(name + ".weight", layer.weight, TensorKind::weight);
    visit(name + ".bias", layer.bias, TensorKind::weight);
  };
  auto visitConvolution = [&](const std::string& name, ConvolutionNorm& layer) {
    visit(name + ".conv.weight", layer.conv.weight, TensorKind::weight);
    if (layer.conv.bias.defined()) visit(name + ".conv.bias", layer.conv.bias, TensorKind::weight);
    visit(name + ".norm.weight", layer.norm.weight, TensorKind::weight);
    visit(name + ".norm.bias", layer.norm.bias, TensorKind::weight);
    visit(name + ".norm.running_mean", layer.norm.runningMean, TensorKind::buffer);
    visit(name + ".norm.running_var", layer.norm.runningVar, TensorKind::buffer);
  };
  for (size_t i = 0; i < parameters.stem.size(); ++i) {
    const std::string name = "stem." + std::to_string(i);
    StemStage& stage = parameters.stem[i];
    visitConvolution(name + ".down", stage.down);
    if (options.stem == Stem::residual) {
      visitConvolution(name + ".block.0", stage.first);
      visitConvolution(name + ".block.1", stage.second);
    }
  }
  visitLinear("project", parameters.project);
  visit("position", parameters.position, TensorKind::weight);
  visitNorm("norm", parameters.norm);
  for (size_t i = 0; i < parameters.layers.size(); ++i) {
    const std::string name = "layers." + std::to_string(i);
    EncoderLayer& layer = parameters.layers[i];
    visitNorm(name + ".norm1", layer.norm1);
    visitLinear(name + ".attention.in", layer.inProjection);
    visitLinear(name + ".attention.out", layer.outProjection);
    visitNorm(name + ".norm2", layer.norm2);
    visitLinear(name + ".linear1", layer.linear1);
    visitLinear(name + ".linear2", layer.linear2);
  }
  if (options.pooling == Pooling::classAttention) visitNorm("final_norm", parameters.finalNorm);
  visitLinear("pooling.hidden", parameters.attention);
  visitLinear("pooling.score", parameters.attentionScore);
  visitLinear("head", parameters.head);
}

namespace {

void foldNorm(ConvolutionNorm& layer) {
  const BatchNorm& norm = layer.norm;
  const at::Tensor scale = norm.weight.to(at::kDouble) / at::sqrt(norm.runningVar.to(at::kDouble) + kNormEpsilon);
  const at::Tensor bias = layer.conv.bias.defined() ? layer.conv.bias.to(at::kDouble) : at::zeros_like(scale);
  layer.conv.weight = (layer.conv.weight.to(at::kDouble) * scale.view({-1, 1, 1, 1})).to(at::kFloat);
  layer.conv.bias = ((bias - norm.runningMean) * scale + norm.bias).to(at::kFloat);
  layer.folded = true;
}

}  // namespace

void foldNorms(Parameters& parameters) {
  for (StemStage& stage : parameters.stem) {
    for (ConvolutionNorm* layer : {&stage.down, &stage.first, &stage.second})
      if (layer->conv.weight.defined()) foldNorm(*layer);
  }
}

}  // namespace autobird
