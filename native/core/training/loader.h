// Makes features on threads of its own while the network computes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/parallel.h"

namespace autobird {

/// Features of some rows in the making.
class PendingFeatures {
 public:
  /// Waits for all rows, throws what one of them threw. (rows, M, T)
  std::vector<float> take();
  /// Rows not begun yet are left out; `take` then throws Error `aborted`.
  void cancel();
  /// Until no row is being made any more.
  void wait();

 private:
  friend class Loader;
  /// Where a row goes; null when it is not wanted any more.
  float* place(int64_t row, int64_t rows, int64_t rowSize);

  std::vector<float> values_;
  std::mutex mutex_;
  std::condition_variable done_;
  int64_t left_ = 0;
  bool cancelled_ = false;
  std::exception_ptr failure_;
};

class Loader {
 public:
  explicit Loader(int threads) : pool_(threads) {}

  /// Queues `rows` calls of `makeRow(row, out)`, each for `rowSize` floats.
  std::shared_ptr<PendingFeatures> load(int64_t rows, int64_t rowSize, std::function<void(int64_t, float*)> makeRow);

 private:
  ThreadPool pool_;
};

}  // namespace autobird
