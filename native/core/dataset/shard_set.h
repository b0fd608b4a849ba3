// The samples of whole recordings in shard files, read through memory maps (docs/dataset-format.md).
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace autobird {

/// Where a recording's samples lie: int16 with a float32 scale for every `blockSamples`.
struct ShardEntry {
  std::string path;
  int64_t pcmOffset = 0;
  int64_t scaleOffset = 0;
  int64_t sampleCount = 0;
  int64_t blockSamples = 0;
};

class Mapping;

/// Const and thread-safe. Files are mapped when first read; the least recently used maps are given back, because the
/// kernel allows a process only so many; where a file cannot be mapped it is read.
class ShardSet {
 public:
  /// Throws Error `missing_shard` or `damaged_shard` for a file that is not there or too short for its entry.
  explicit ShardSet(std::vector<ShardEntry> entries);
  ~ShardSet();

  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  int64_t sampleCount(int64_t recording) const;

  /// Samples [start, start + count) of a recording; zeros where there is no recording.
  void read(int64_t recording, int64_t start, int64_t count, float* out) const;

 private:
  const ShardEntry& entry(int64_t recording) const;
  std::shared_ptr<const Mapping> mapping(int64_t recording) const;

  using Recent = std::list<std::pair<int64_t, std::shared_ptr<const Mapping>>>;

  std::vector<ShardEntry> entries_;
  size_t maxMaps_;
  mutable std::mutex mutex_;
  mutable Recent recent_;  // most recently used first
  mutable std::unordered_map<int64_t, Recent::iterator> byRecording_;
};

}  // namespace autobird
