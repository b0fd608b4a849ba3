// The signal half of core, meant to be run under the sanitizers: kernels of every instruction set, WAV headers mutated at
// random, resampling at odd ratios.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/audio/resample.h"
#include "core/audio/wav.h"
#include "core/error.h"
#include "core/features/log_mel.h"
#include "test/check.h"

namespace autobird {
namespace {

using test::noise;

TEST(every_instruction_set_gives_the_same_log_mel) {
  for (int nFft : {16, 32, 64, 256, 512, 1024, 2048, 8192}) {
    for (Background background : {Background::none, Background::median, Background::pcen}) {
      FeatureOptions options;
      options.sampleRateHz = 16000;
      options.nFft = nFft;
      options.hopSamples = nFft / 2 - 1;
      options.nMels = nFft < 128 ? 1 : nFft / 64;
      options.fMinHz = 0;
      options.fMaxHz = 8000;
      options.background = background;
      const LogMel portable(options, Isa::portable);
      for (size_t n : {size_t{0}, size_t{1}, static_cast<size_t>(nFft), static_cast<size_t>(nFft) * 23 + 1}) {
        const std::vector<float> samples = noise(n, 1, 0.1F);
        const auto length = static_cast<int64_t>(n);
        std::vector<float> expected(static_cast<size_t>(options.nMels) * portable.frames(length));
        float activity = -1;
        portable.compute(samples.data(), length, expected.data(), &activity);
        CHECK(activity >= 0);
        for (Isa isa : {Isa::avx2, Isa::avx512}) {
          if (!isaAvailable(isa)) continue;
          std::vector<float> got(expected.size());
          LogMel(options, isa).compute(samples.data(), length, got.data());
          float largest = 0;
          for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::abs(got[i] - expected[i]));
          CHECK(largest < 1e-4f);
        }
      }
    }
  }
}

TEST(resampling_gives_the_promised_length_at_any_ratio) {
  const std::vector<float> samples(3000, 0.5f);
  const std::pair<int64_t, int64_t> ratios[] = {{44100, 16000},  {1, 2048},      {2048, 1},
                                                {191999, 16000}, {16000, 44101}, {99999999, 100000}};
  for (const auto& [source, target] : ratios) {
    for (size_t n : {size_t{0}, size_t{1}, size_t{5}, samples.size()}) {
      Resampler resampler(source, target);
      std::vector<float> out;
      for (size_t i = 0; i < n; i += 77) resampler.push(samples.data() + i, std::min<size_t>(77, n - i), out);
      resampler.flush(out);
      CHECK(static_cast<int64_t>(out.size()) == (static_cast<int64_t>(n) * target + source - 1) / source);
      CHECK(resampler.tableSize() < (size_t{1} << 22));
    }
  }
}

TEST(mutated_wav_headers_never_do_more_than_throw) {
  std::mt19937 random(3);
  int read = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> bytes;
    const auto text = [&](const std::string& s) { bytes.insert(bytes.end(), s.begin(), s.end()); };
    const auto number = [&](uint32_t value, int size = 4) {
      for (int i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
    };
    text(round % 3 == 0 ? "RF64" : round % 3 == 1 ? "RIFF" : "RIFX");
    number(0);
    text("WAVE");
    if (round % 3 == 0) {
      text("ds64");
      number(28);
      for (int i = 0; i < 7; ++i) number(100);
    }
    text("LIST");
    number(20);
    text("INFOICMT");
    number(8);
    text("comment.");
    text("guan");
    number(8);
    text("a:b\ncc:d");
    text("fmt ");
    number(16);
    number(1, 2);
    number(1, 2);
    number(16000);
    number(32000);
    number(2, 2);
    number(16, 2);
    text("data");
    number(100);
    for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<uint8_t>(i));

    const auto changes = 1 + random() % 6;
    for (unsigned i = 0; i < changes; ++i) {
      const uint8_t values[] = {0, 255, 127, static_cast<uint8_t>(random())};
      bytes[random() % bytes.size()] = values[random() % 4];
    }
    if (random() % 4 == 0) bytes.resize(1 + random() % bytes.size());
    try {
      const auto decoder = openWav(openMemory(bytes), {8, 400000, 3600});
      std::vector<float> out;
      while (decoder->read(7, out)) {
      }
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}

}  // namespace
}  // namespace autobird
