#include "core/model/parameters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace autobird {
namespace {

// Uniform in +- 1 / sqrt(inputs): what torch.nn.Linear and Conv2d do to weight and bias.
at::Tensor uniform(at::IntArrayRef shape, double bound, at::Generator& generator) {
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator);
}

Linear linear(int64_t out, int64_t in, at::Generator& generator) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Linear result;
  result.weight = uniform({out, in}, bound, generator);
  result.bias = uniform({out}, bound, generator);
  return result;
}

LayerNorm layerNorm(int64_t width) { return {at::ones({width}), at::zeros({width})}; }

ConvolutionNorm convolutionNorm(int64_t out, int64_t in, bool bias, at::Generator& generator) {
  const double bound = 1 / std::sqrt(static_cast<double>(in * 9));
  ConvolutionNorm result;
  result.conv.weight = uniform({out, in, 3, 3}, bound, generator);
  if (bias) result.conv.bias = uniform({out}, bound, generator);
  result.norm = {at::ones({out}), at::zeros({out}), at::zeros({out}), at::ones({out})};
  return result;
}

EncoderLayer encoderLayer(const ModelOptions& options, at::Generator& generator) {
  const int64_t width = options.dModel;
  EncoderLayer layer;
  layer.norm1 = layerNorm(width);
  // torch.nn.MultiheadAttention: Xavier for the stacked projection, zero biases.
  layer.inProjection = {uniform({3 * width, width}, std::sqrt(6.0 / static_cast<double>(4 * width)), generator),
                        at::zeros({3 * width})};
  layer.outProjection = linear(width, width, generator);
  layer.outProjection.bias.zero_();
  layer.norm2 = layerNorm(width);
  layer.linear1 = linear(options.ffDim, width, generator);
  layer.linear2 = linear(width, options.ffDim, generator);
  return layer;
}

}  // namespace

Parameters initialParameters(const ModelOptions& options, int64_t classes, uint64_t seed) {
  validate(options, classes);
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const bool residual = options.stem == Stem::residual;
  Parameters parameters;
  int64_t in = residual ? 2 : 1;  // the residual stem also sees where in frequency it is
  for (const int64_t channels : options.stemChannels) {
    StemStage stage;
    stage.down = convolutionNorm(channels, in, !residual, generator);
    if (residual) {
      stage.first = convolutionNorm(channels, channels, false, generator);
      stage.second = convolutionNorm(channels, channels, false, generator);
    }
    parameters.stem.push_back(stage);
    in = channels;
  }
  const int64_t width = options.dModel;
  parameters.project = linear(width, options.frequencyPooling == FrequencyPooling::meanMax ? 2 * in : in, generator);
  parameters.position = at::empty({options.maxLen, width}, at::kFloat).normal_(0, 0.02, generator);
  parameters.norm = layerNorm(width);
  for (int64_t i = 0; i < options.nLayers; ++i) parameters.layers.push_back(encoderLayer(options, generator));
  const bool classAttention = options.pooling == Pooling::classAttention;
  if (classAttention) parameters.finalNorm = layerNorm(width);
  parameters.attention = linear(width, width, generator);
  parameters.attentionScore = linear(classAttention ? classes : 1, width, generator);
  parameters.head = linear(classes, width, generator);
  return parameters;
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

std::vector<std::string> modelNames(const ModelOptions& options, int64_t classes) {
  Parameters parameters = initialParameters(options, classes, 0);
  std::vector<std::string> names;
  forEachTensor(parameters, options,
                [&](const std::string& name, at::Tensor&, TensorKind) { names.push_back("model." + name); });
  return names;
}

}  // namespace autobird
