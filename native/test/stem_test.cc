// The stem's kernels of every instruction set against the convolution as it is defined.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/model/stem_kernels.h"
#include "test/check.h"

namespace autobird {
namespace {

using test::noise;

size_t product(int a, int b, int c) { return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c); }

/// `map` has a border of zeros around (height, width, inputs).
std::vector<double> expected(const std::vector<float>& map, int height, int width, int inputs, int outputs,
                             const std::vector<float>& weight, const std::vector<float>& bias) {
  std::vector<double> result;
  for (int y = 0; y < height / 2; ++y) {
    for (int x = 0; x < width / 2; ++x) {
      for (int o = 0; o < outputs; ++o) {
        double best = 0;
        for (int place = 0; place < 4; ++place) {
          double sum = bias[static_cast<size_t>(o)];
          for (int tap = 0; tap < 9; ++tap) {
            const int row = 2 * y + place / 2 + tap / 3;
            const int column = 2 * x + place % 2 + tap % 3;
            for (int i = 0; i < inputs; ++i) {
              sum += static_cast<double>(weight[product(o * inputs + i, 9, 1) + static_cast<size_t>(tap)]) *
                     static_cast<double>(map[product(row * (width + 2) + column, inputs, 1) + static_cast<size_t>(i)]);
            }
          }
          best = std::max(best, sum);
        }
        result.push_back(best);
      }
    }
  }
  return result;
}

TEST(every_instruction_set_convolves_and_pools_alike) {
  struct Size {
    int height, width, inputs, outputs;
  };
  for (const Size size :
       {Size{64, 157, 1, 32}, Size{32, 78, 32, 64}, Size{7, 9, 1, 64}, Size{5, 29, 64, 32}, Size{2, 2, 32, 96}}) {
    const auto [height, width, inputs, outputs] = size;
    std::vector<float> map(product(height + 2, width + 2, inputs), 0.0f);
    const std::vector<float> values = noise(product(height, width, inputs), 1);
    for (int y = 0; y < height; ++y) {
      std::copy_n(values.begin() + y * width * inputs, width * inputs,
                  map.begin() + ((y + 1) * (width + 2) + 1) * inputs);
    }
    const std::vector<float> weight = noise(product(outputs, inputs, 9), 2);
    const std::vector<float> bias = noise(static_cast<size_t>(outputs), 3);
    const std::vector<double> wanted = expected(map, height, width, inputs, outputs, weight, bias);
    const StemStageWeights stage = packStemStage(weight.data(), bias.data(), outputs, inputs);
    std::vector<float> scratch(stemScratch(stage));
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!isaAvailable(isa)) continue;
      std::vector<float> out(wanted.size());
      const ptrdiff_t stride = static_cast<ptrdiff_t>(width + 2) * inputs;
      for (int y = 0; y < height / 2; ++y) {
        const float* input = map.data() + 2 * y * stride;
        float* into = out.data() + static_cast<ptrdiff_t>(y) * (width / 2) * outputs;
        if (inputs == 1) {
          stemKernels(isa).firstRow(stage, input, stride, width / 2, into);
        } else {
          stemKernels(isa).row(stage, input, stride, width / 2, scratch.data(), into);
        }
      }
      double worst = 0;
      for (size_t i = 0; i < out.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(out[i]) - wanted[i]));
      CHECK(worst < 5e-5);  // of values up to about 30
    }
  }
}

}  // namespace
}  // namespace autobird
