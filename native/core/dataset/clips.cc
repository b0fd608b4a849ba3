#include "core/dataset/clips.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/features/activity.h"
#include "core/features/levels.h"
#include "core/parallel.h"
#include "core/text.h"

namespace autobird {
namespace {

// Clips whose sums are added up before they are added to the total: fixed, so that the order of additions is.
constexpr int64_t kBlockClips = 32;
constexpr double kStretchS = 60;

void readClip(const ShardSet& shards, const ClipTable& clips, int64_t i, std::vector<float>& out) {
  out.resize(static_cast<size_t>(clips.clipSamples));
  shards.read(clips.recording[i], std::llround(clips.startSample[i]), clips.clipSamples, out.data());
}

}  // namespace

void requireClipSamples(int64_t clipSamples) {
  if (clipSamples >= 1 && clipSamples <= (int64_t{1} << 28)) return;
  throw invalidArgument("Expected an integer from 1 to 2^28 for clipSamples but received " +
                        std::to_string(clipSamples));
}

void requireStart(double startSample, const char* name) {
  constexpr double kFurthest = 1LL << 48;  // 186 years at 48 kHz
  if (std::abs(startSample) <= kFurthest) return;
  throw invalidArgument(std::string("Expected a number from -2^48 to 2^48 for ") + name + " but received " +
                        numberText(startSample));
}

void validate(const ClipTable& clips, const ShardSet& shards) {
  if (clips.startSample.size() != clips.recording.size()) {
    throw invalidArgument("Expected as many values for startSample as for recording (" +
                          std::to_string(clips.recording.size()) + ") but received " +
                          std::to_string(clips.startSample.size()));
  }
  requireClipSamples(clips.clipSamples);
  for (const int32_t recording : clips.recording) shards.sampleCount(recording);
  for (const double start : clips.startSample) requireStart(start);
}

ClipLevels clipLevels(const ShardSet& shards, const LogMel& features, const ClipTable& clips, int threads,
                      const Stopping& stopping) {
  validate(clips, shards);
  const auto count = static_cast<size_t>(clips.size());
  ClipLevels levels{std::vector<float>(count), std::vector<float>(count), std::vector<float>(count)};
  FeatureOptions plain = features.options();
  plain.background = Background::none;  // the spread is that of the log-mel itself
  const LogMel logMel(plain);
  const int frames = logMel.frames(clips.clipSamples);
  parallelFor(clips.size(), threads, stopping, [&](int64_t i, int) {
    thread_local std::vector<float> samples;
    thread_local std::vector<float> mel;
    readClip(shards, clips, i, samples);
    mel.resize(static_cast<size_t>(logMel.mels()) * static_cast<size_t>(frames));
    logMel.compute(samples.data(), clips.clipSamples, mel.data(), &levels.activity[i]);
    levels.rms[i] = static_cast<float>(rms(samples.data(), clips.clipSamples));
    levels.melSpread[i] = static_cast<float>(momentsOf(mel.data(), static_cast<int64_t>(mel.size())).deviation);
  });
  return levels;
}

BandStatistics bandStatistics(const ShardSet& shards, const LogMel& features, const ClipTable& clips, int threads,
                              const Stopping& stopping) {
  validate(clips, shards);
  if (clips.size() == 0) throw invalidArgument("Expected at least one clip for statistics but received none");
  const int bands = features.mels();
  const int frames = features.frames(clips.clipSamples);
  const int64_t blockCount = (clips.size() + kBlockClips - 1) / kBlockClips;
  std::vector<double> sums(static_cast<size_t>(blockCount) * 2 * bands);  // (blocks, 2, M): sum, sum of squares
  parallelFor(blockCount, threads, stopping, [&](int64_t block, int) {
    std::vector<float> samples;
    std::vector<float> mel(static_cast<size_t>(bands) * frames);
    double* sum = &sums[static_cast<size_t>(block) * 2 * bands];
    const int64_t end = std::min(clips.size(), (block + 1) * kBlockClips);
    for (int64_t i = block * kBlockClips; i < end; ++i) {
      readClip(shards, clips, i, samples);
      features.compute(samples.data(), clips.clipSamples, mel.data());
      for (int band = 0; band < bands; ++band) {
        const float* row = &mel[static_cast<size_t>(band) * frames];
        for (int frame = 0; frame < frames; ++frame) {
          const double value = row[frame];
          sum[band] += value;
          sum[bands + band] += value * value;
        }
      }
    }
  });
  BandStatistics statistics{std::vector<float>(bands), std::vector<float>(bands)};
  const double cells = static_cast<double>(clips.size()) * frames;
  for (int band = 0; band < bands; ++band) {
    double sum = 0;
    double squares = 0;
    for (int64_t block = 0; block < blockCount; ++block) {
      sum += sums[static_cast<size_t>(block) * 2 * bands + band];
      squares += sums[static_cast<size_t>(block) * 2 * bands + bands + band];
    }
    const double mean = sum / cells;
    statistics.mean[band] = static_cast<float>(mean);
    statistics.std[band] = static_cast<float>(std::max(1e-8, std::sqrt(std::max(0.0, squares / cells - mean * mean))));
  }
  return statistics;
}

std::vector<float> activityProfile(const ShardSet& shards, const LogMel& features, int64_t recording, double stepS,
                                   const Stopping& stopping) {
  const FeatureOptions& options = features.options();
  const double framesPerSecond = static_cast<double>(options.sampleRateHz) / options.hopSamples;
  if (!(stepS * framesPerSecond >= 1) || !(stepS <= kStretchS)) {
    throw invalidArgument("Expected a number of seconds from one frame to 60 for stepS but received " +
                          numberText(stepS));
  }
  const double stepSamples = stepS * options.sampleRateHz;
  FeatureOptions plain = options;
  plain.background = Background::none;
  const LogMel logMel(plain);
  const int64_t total = shards.sampleCount(recording);
  const auto steps = static_cast<int64_t>(std::ceil(static_cast<double>(total) / stepSamples));
  const auto stepsPerStretch = std::max<int64_t>(1, static_cast<int64_t>(kStretchS / stepS));
  std::vector<float> profile;
  profile.reserve(static_cast<size_t>(steps));
  std::vector<float> samples;
  std::vector<float> mel;
  std::vector<float> perFrame;
  for (int64_t step = 0; step < steps; step += stepsPerStretch) {
    if (stopping && stopping()) throw Error("aborted", "The work was aborted");
    const auto begin = static_cast<int64_t>(std::llround(static_cast<double>(step) * stepSamples));
    const int64_t stretchSteps = std::min(stepsPerStretch, steps - step);
    const auto end =
        std::min(total, static_cast<int64_t>(std::llround(static_cast<double>(step + stretchSteps) * stepSamples)));
    samples.resize(static_cast<size_t>(end - begin));
    shards.read(recording, begin, end - begin, samples.data());
    const int frames = logMel.frames(end - begin);
    mel.resize(static_cast<size_t>(logMel.mels()) * static_cast<size_t>(frames));
    logMel.compute(samples.data(), end - begin, mel.data());
    // Frame by frame, because a step is a whole number of frames only by chance: a frame belongs to the step in which
    // its centre lies, and the one that is centred on the very end to the last.
    perFrame.resize(static_cast<size_t>(frames));
    activityProfile(logMel, mel.data(), frames, 1, perFrame.data());
    std::vector<double> sums(static_cast<size_t>(stretchSteps));
    std::vector<int> counts(static_cast<size_t>(stretchSteps));
    for (int frame = 0; frame < frames; ++frame) {
      const auto within = static_cast<int64_t>(static_cast<double>(frame) * options.hopSamples / stepSamples);
      const auto at = static_cast<size_t>(std::min(within, stretchSteps - 1));
      sums[at] += perFrame[static_cast<size_t>(frame)];
      ++counts[at];
    }
    for (size_t at = 0; at < sums.size(); ++at)
      profile.push_back(static_cast<float>(sums[at] / std::max(counts[at], 1)));
  }
  return profile;
}

}  // namespace autobird
