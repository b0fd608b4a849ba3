// Bytes at an offset, from a file or from memory. Not a memory map: a file that shrinks while it is read would end the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace autobird {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  /// Up to `count` bytes; fewer at the end only. Throws unreadable.
  virtual size_t readAt(uint64_t offset, void* target, size_t count) = 0;
};

/// Throws unreadable (missing, no permission, not a regular file) or empty_file.
std::unique_ptr<ByteSource> openFile(const std::string& path);

/// Throws empty_file.
std::unique_ptr<ByteSource> openMemory(std::vector<uint8_t> bytes);

/// A part of a file: where a tag lies before it, or several files lie behind one another.
struct ByteRange {
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
};

/// `source` itself where the range is all of it. Throws empty_file.
std::unique_ptr<ByteSource> openRange(std::unique_ptr<ByteSource> source, const ByteRange& range);

}  // namespace autobird
