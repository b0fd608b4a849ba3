#include "core/audio/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace autobird {

namespace {

Error unreadable(int error) {
  const std::string reason = std::strerror(error);
  if (error == ENOENT) return Error("unreadable", "There is no such file: check the path");
  if (error == EACCES)
    return Error("unreadable", "The file may not be read (permission denied): change its permissions");
  return Error("unreadable", "The file could not be read: " + reason);
}

Error emptyFile() { return Error("empty_file", "The file has no bytes: copy it again or leave it out"); }

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path) {
    // Without O_NONBLOCK opening a named pipe would wait for a writer.
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd_ < 0) throw unreadable(errno);
    struct stat status {};
    const int failed = ::fstat(fd_, &status);
    const int error = errno;
    if (failed != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
      ::close(fd_);
      if (failed != 0) throw unreadable(error);
      if (S_ISDIR(status.st_mode)) throw Error("unreadable", "This is a directory, not a recording");
      if (!S_ISREG(status.st_mode)) throw Error("unreadable", "This is not a regular file");
      throw emptyFile();
    }
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~FileSource() override { ::close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  uint64_t size() const override { return size_; }

  size_t readAt(uint64_t offset, void* target, size_t count) override {
    size_t done = 0;
    while (done < count) {
      const ssize_t got =
          ::pread(fd_, static_cast<char*>(target) + done, count - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw unreadable(errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  int fd_ = -1;
  uint64_t size_ = 0;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {
    if (bytes_.empty()) throw emptyFile();
  }
  uint64_t size() const override { return bytes_.size(); }
  size_t readAt(uint64_t offset, void* target, size_t count) override {
    if (offset >= bytes_.size() || count == 0) return 0;
    const size_t n = std::min<uint64_t>(count, bytes_.size() - offset);
    std::memcpy(target, bytes_.data() + offset, n);
    return n;
  }

 private:
  std::vector<uint8_t> bytes_;
};

class RangeSource : public ByteSource {
 public:
  RangeSource(std::unique_ptr<ByteSource> source, const ByteRange& range)
      : source_(std::move(source)), start_(range.start), end_(std::min(range.end, source_->size())) {
    if (start_ >= end_) throw emptyFile();
  }
  uint64_t size() const override { return end_ - start_; }
  size_t readAt(uint64_t offset, void* target, size_t count) override {
    if (offset >= size()) return 0;
    return source_->readAt(start_ + offset, target, std::min<uint64_t>(count, size() - offset));
  }

 private:
  std::unique_ptr<ByteSource> source_;
  uint64_t start_;
  uint64_t end_;
};

}  // namespace

std::unique_ptr<ByteSource> openRange(std::unique_ptr<ByteSource> source, const ByteRange& range) {
  if (range.start == 0 && range.end >= source->size()) return source;
  return std::make_unique<RangeSource>(std::move(source), range);
}

std::unique_ptr<ByteSource> openFile(const std::string& path) { return std::make_unique<FileSource>(path); }

std::unique_ptr<ByteSource> openMemory(std::vector<uint8_t> bytes) {
  return std::make_unique<MemorySource>(std::move(bytes));
}

}  // namespace autobird
