// Samples that wait for the network, in pages of their own.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace autobird {

/// Gives memory back to the kernel as soon as it is let go. A heap keeps what a moment of much work needed, and with every such
/// moment a little more, for samples are let go in another order and by other threads than they are made.
template <class T>
struct PageAllocator {
  using value_type = T;

  PageAllocator() = default;
  template <class U>
  PageAllocator(const PageAllocator<U>&) {}  // NOLINT(google-explicit-constructor): what allocators must be

  T* allocate(size_t count) {
    if (count > std::numeric_limits<size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
#if defined(__unix__) || defined(__APPLE__)
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_POPULATE)
    flags |= MAP_POPULATE;  // all of it is written at once
#endif
    void* pages = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(pages);
#else
    return std::allocator<T>().allocate(count);
#endif
  }

  void deallocate(T* pages, size_t count) {
#if defined(__unix__) || defined(__APPLE__)
    munmap(pages, count * sizeof(T));
#else
    std::allocator<T>().deallocate(pages, count);
#endif
  }

  template <class U>
  bool operator==(const PageAllocator<U>&) const {
    return true;
  }
};

/// Mono samples. Make them as large as they will be: every reallocation is a mapping.
using Samples = std::vector<float, PageAllocator<float>>;

}  // namespace autobird
