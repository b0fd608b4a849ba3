#include "core/dataset/shard_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/error.h"

namespace autobird {
namespace {

std::string remedy() { return ": prepare the dataset again, which makes only what is missing"; }

}  // namespace

/// A file descriptor that closes itself.
class ShardFile {
 public:
  explicit ShardFile(const std::string& path) : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0)
      throw Error("missing_shard", "Shard " + path + " cannot be opened (" + std::strerror(errno) + ")" + remedy());
  }
  ~ShardFile() { close(descriptor_); }
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }

  int64_t size() const {
    struct stat status {};
    if (fstat(descriptor_, &status) != 0) {
      throw Error("missing_shard", "Shard " + path_ + " cannot be examined (" + std::strerror(errno) + ")" + remedy());
    }
    return status.st_size;
  }

  void readExactly(void* out, int64_t bytes, int64_t offset) const {
    auto* target = static_cast<char*>(out);
    while (bytes > 0) {
      const ssize_t got = pread(descriptor_, target, static_cast<size_t>(bytes), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Error("damaged_shard", "Shard " + path_ + " ends before its samples do" + remedy());
      target += got;
      offset += got;
      bytes -= got;
    }
  }

 private:
  std::string path_;
  int descriptor_;
};

namespace {

int64_t blocks(const ShardEntry& entry) { return (entry.sampleCount + entry.blockSamples - 1) / entry.blockSamples; }

void requireWithin(const ShardEntry& entry, int64_t fileSize) {
  const auto fits = [&](int64_t offset, int64_t count, int64_t size) {
    return offset >= 0 && offset <= fileSize && count <= (fileSize - offset) / size;
  };
  if (!fits(entry.pcmOffset, entry.sampleCount, 2) || !fits(entry.scaleOffset, blocks(entry), 4)) {
    throw Error("damaged_shard", "Shard " + entry.path + " has " + std::to_string(fileSize) + " bytes, too few for " +
                                     std::to_string(entry.sampleCount) + " samples" + remedy());
  }
}

// Half of what the kernel allows a process: allocator and libraries need theirs.
size_t mapLimit() {
  int64_t limit = 65530;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  return static_cast<size_t>(std::clamp<int64_t>(limit / 2, 64, 16384));
}

}  // namespace

/// One file's bytes: mapped, or the file to read from where mapping failed (network file systems, too many maps).
class Mapping {
 public:
  explicit Mapping(const ShardEntry& entry) : file_(std::make_unique<ShardFile>(entry.path)), size_(file_->size()) {
    requireWithin(entry, size_);  // again: the file may have been replaced since the set was opened
    void* address = mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_SHARED, file_->descriptor(), 0);
    if (address == MAP_FAILED) return;
    data_ = static_cast<const char*>(address);
    file_.reset();
  }
  ~Mapping() {
    if (data_ != nullptr) munmap(const_cast<char*>(data_), static_cast<size_t>(size_));
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void copy(void* out, int64_t bytes, int64_t offset) const {
    if (data_ != nullptr) {
      std::memcpy(out, data_ + offset, static_cast<size_t>(bytes));
    } else {
      file_->readExactly(out, bytes, offset);
    }
  }

 private:
  std::unique_ptr<ShardFile> file_;
  int64_t size_;
  const char* data_ = nullptr;
};

ShardSet::ShardSet(std::vector<ShardEntry> entries) : entries_(std::move(entries)), maxMaps_(mapLimit()) {
  for (const ShardEntry& entry : entries_) {
    if (entry.sampleCount < 0 || entry.blockSamples < 1) {
      throw invalidArgument("Expected sampleCount >= 0 and blockSamples >= 1 for shard " + entry.path +
                            " but received " + std::to_string(entry.sampleCount) + " and " +
                            std::to_string(entry.blockSamples));
    }
    requireWithin(entry, ShardFile(entry.path).size());
  }
}

ShardSet::~ShardSet() = default;

const ShardEntry& ShardSet::entry(int64_t recording) const {
  if (recording < 0 || recording >= size()) {
    throw invalidArgument("Expected an integer from 0 to " + std::to_string(size() - 1) +
                          " for recording but received " + std::to_string(recording));
  }
  return entries_[static_cast<size_t>(recording)];
}

int64_t ShardSet::sampleCount(int64_t recording) const { return entry(recording).sampleCount; }

std::shared_ptr<const Mapping> ShardSet::mapping(int64_t recording) const {
  const std::lock_guard lock(mutex_);
  const auto known = byRecording_.find(recording);
  if (known != byRecording_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return known->second->second;
  }
  if (recent_.size() >= maxMaps_) {
    byRecording_.erase(recent_.back().first);
    recent_.pop_back();  // readers that still hold it keep it alive
  }
  recent_.emplace_front(recording, std::make_shared<Mapping>(entry(recording)));
  byRecording_[recording] = recent_.begin();
  return recent_.front().second;
}

void ShardSet::read(int64_t recording, int64_t start, int64_t count, float* out) const {
  const ShardEntry& where = entry(recording);
  const int64_t begin = std::clamp<int64_t>(start, 0, where.sampleCount);
  const int64_t end = std::clamp<int64_t>(start + count, begin, where.sampleCount);
  std::fill_n(out, count, 0.0F);
  if (begin == end) return;
  const auto source = mapping(recording);
  thread_local std::vector<int16_t> pcm;
  pcm.resize(static_cast<size_t>(std::min(where.blockSamples, end - begin)));
  for (int64_t at = begin; at < end;) {
    const int64_t block = at / where.blockSamples;
    const int64_t stop = std::min(end, (block + 1) * where.blockSamples);
    float scale = 0;
    source->copy(&scale, sizeof scale, where.scaleOffset + block * 4);
    source->copy(pcm.data(), (stop - at) * 2, where.pcmOffset + at * 2);
    float* target = out + (at - start);
    for (int64_t i = 0; i < stop - at; ++i) target[i] = static_cast<float>(pcm[static_cast<size_t>(i)]) * scale;
    at = stop;
  }
}

}  // namespace autobird
