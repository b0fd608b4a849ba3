// What is measured over the clips of a dataset before training.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/dataset/shard_set.h"
#include "core/features/log_mel.h"

namespace autobird {

/// N clips of equal length. A start may be negative or the end beyond the recording: zeros are there.
struct ClipTable {
  std::vector<int32_t> recording;   // (N)
  std::vector<double> startSample;  // (N)
  int64_t clipSamples = 0;

  int64_t size() const { return static_cast<int64_t>(recording.size()); }
};

/// Throws `invalid_argument` for a length that no clip has: frames are counted in an int.
void requireClipSamples(int64_t clipSamples);

/// Throws `invalid_argument` for a place that no recording has: sums of it and a length stay far from int64's end.
void requireStart(double startSample, const char* name = "startSample");

/// Throws `invalid_argument` where the lengths differ, a recording does not exist or a start is not a number.
void validate(const ClipTable& clips, const ShardSet& shards);

struct ClipLevels {
  std::vector<float> rms;        // (N)
  std::vector<float> melSpread;  // (N) population standard deviation over all cells of the log-mel
  std::vector<float> activity;   // (N)
};

struct BandStatistics {
  std::vector<float> mean;  // (M)
  std::vector<float> std;   // (M), at least 1e-8
};

using Stopping = std::function<bool()>;

/// Each clip by itself, on `threads` threads. `stopping` ends the work with Error `aborted`.
ClipLevels clipLevels(const ShardSet& shards, const LogMel& features, const ClipTable& clips, int threads,
                      const Stopping& stopping);

/// Over all frames of all clips, summed in double precision in an order that does not depend on the threads.
BandStatistics bandStatistics(const ShardSet& shards, const LogMel& features, const ClipTable& clips, int threads,
                              const Stopping& stopping);

/// Activity (features/activity.h) of each `stepS` of a recording; the last step may be shorter. The recording is taken
/// in stretches of at most a minute, each against its own background, so that memory does not grow with its length.
std::vector<float> activityProfile(const ShardSet& shards, const LogMel& features, int64_t recording, double stepS,
                                   const Stopping& stopping);

}  // namespace autobird
