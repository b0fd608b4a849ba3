#include "core/model/fused_stem.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace autobird {
namespace {

/// A map with a border of zeros around it.
struct Map {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<float> values;  // (height + 2, width + 2, channels)

  Map(int h, int w, int c) : height(h), width(w), channels(c) {
    values.resize(static_cast<size_t>(h + 2) * static_cast<size_t>(w + 2) * static_cast<size_t>(c));
  }
  ptrdiff_t stride() const { return static_cast<ptrdiff_t>(width + 2) * channels; }
  const float* row(int64_t index) const { return values.data() + index * stride(); }
  /// Where the row `index` of the map itself begins.
  float* inside(int64_t index) { return values.data() + (index + 1) * stride() + channels; }
};

Map bordered(const float* features, int mels, int frames) {
  Map map(mels, frames, 1);
  for (int m = 0; m < mels; ++m) std::copy_n(features + static_cast<ptrdiff_t>(m) * frames, frames, map.inside(m));
  return map;
}

// Rows that one thread takes at least: fewer cost more to hand out than to do.
constexpr int64_t kRowsAtOnce = 2;

}  // namespace

std::shared_ptr<const FusedStem> FusedStem::of(const Parameters& parameters, const ModelOptions& options) {
  if (options.stem != Stem::plain) return nullptr;
  auto stem = std::make_shared<FusedStem>();
  int64_t inputs = 1;
  for (const StemStage& stage : parameters.stem) {
    const at::Tensor weight = stage.down.conv.weight.contiguous();
    const at::Tensor bias = stage.down.conv.bias.contiguous();
    const int64_t outputs = weight.size(0);
    if (weight.size(1) != inputs || outputs % kStemChannelMultiple != 0) return nullptr;
    stem->stages_.push_back(packStemStage(weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                                          static_cast<int>(outputs), static_cast<int>(inputs)));
    inputs = outputs;
  }
  return stem;
}

at::Tensor FusedStem::forward(const at::Tensor& features) const {
  const StemKernels& kernels = stemKernels(bestIsa());
  const int64_t rows = features.size(0);
  const int mels = static_cast<int>(features.size(1));
  const int frames = static_cast<int>(features.size(2));
  const int halvings = static_cast<int>(stages_.size());
  const int64_t channels = stages_.back().outputs;
  const int64_t height = mels >> halvings;
  const int64_t width = frames >> halvings;
  at::Tensor y = at::empty({rows, channels, height, width}, features.options(), at::MemoryFormat::ChannelsLast);
  const float* source = features.const_data_ptr<float>();
  float* target = y.mutable_data_ptr<float>();

  const auto clip = [&](int64_t index) {
    Map map = bordered(source + index * mels * frames, mels, frames);
    for (const StemStageWeights& stage : stages_) {
      const int pooledWidth = map.width / 2;
      const bool last = &stage == &stages_.back();
      Map next(last ? 0 : map.height / 2, last ? 0 : pooledWidth, stage.outputs);
      float* out = target + index * height * width * channels;
      at::parallel_for(0, map.height / 2, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        thread_local std::vector<float> scratch;
        scratch.resize(std::max(scratch.size(), stemScratch(stage)));
        for (int64_t row = begin; row < end; ++row) {
          float* into = last ? out + row * width * channels : next.inside(row);
          if (stage.inputs == 1) {
            kernels.firstRow(stage, map.row(2 * row), map.stride(), pooledWidth, into);
          } else {
            kernels.row(stage, map.row(2 * row), map.stride(), pooledWidth, scratch.data(), into);
          }
        }
      });
      map = std::move(next);
    }
  };
  // Clip by clip where there are enough for all threads, else the rows of each clip are shared.
  const int64_t grain = rows >= at::get_num_threads() ? 1 : rows;
  at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) clip(index);
  });
  return y;
}

}  // namespace autobird
