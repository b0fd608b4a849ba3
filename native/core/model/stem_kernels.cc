#include "core/model/stem_kernels.h"

#include <string>

#include "core/error.h"

namespace autobird {
namespace {

// Tiles of a row that are in the nearest caches at once, a multiple of what one multiplication takes.
constexpr int kTilesAtOnce = 12;

}  // namespace

#define KERNELS "core/model/stem_kernels.inl"
#include "core/features/each_isa.inl"

const StemKernels& stemKernels(Isa isa) { return tableFor(isa); }

size_t stemScratch(const StemStageWeights& stage) {
  return static_cast<size_t>(16) * kTilesAtOnce * static_cast<size_t>(stage.inputs + stage.outputs);
}

StemStageWeights packStemStage(const float* weight, const float* bias, int outputs, int inputs) {
  StemStageWeights stage;
  stage.inputs = inputs;
  stage.outputs = outputs;
  stage.bias.assign(bias, bias + outputs);
  const auto places = static_cast<size_t>(inputs == 1 ? 9 : 16);
  stage.weights.resize(places * static_cast<size_t>(inputs) * static_cast<size_t>(outputs));
  for (int output = 0; output < outputs; ++output) {
    for (int input = 0; input < inputs; ++input) {
      const float* g = weight + (static_cast<ptrdiff_t>(output) * inputs + input) * 9;
      const auto at = static_cast<size_t>(input) * static_cast<size_t>(outputs) + static_cast<size_t>(output);
      const size_t plane = static_cast<size_t>(inputs) * static_cast<size_t>(outputs);
      if (inputs == 1) {
        for (size_t i = 0; i < 9; ++i) stage.weights[i * plane + at] = g[i];
        continue;
      }
      // G g G^T
      const auto third = [](double a, double b, double c, int i) {
        if (i == 0) return a;
        if (i == 3) return c;
        return (a + (i == 1 ? b : -b) + c) / 2;
      };
      for (int r = 0; r < 4; ++r) {
        double across[3];
        for (int c = 0; c < 3; ++c) across[c] = third(g[c], g[3 + c], g[6 + c], r);
        for (int c = 0; c < 4; ++c) {
          stage.weights[static_cast<size_t>(4 * r + c) * plane + at] =
              static_cast<float>(third(across[0], across[1], across[2], c));
        }
      }
    }
  }
  return stage;
}

}  // namespace autobird
