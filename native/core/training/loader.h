// Makes features on threads of its own while the network computes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/parallel.h"

namespace autobird {

class LoaderGate;

/// Features of some rows in the making.
class PendingFeatures : public std::enable_shared_from_this<PendingFeatures> {
 public:
  ~PendingFeatures();

  /// Waits for all rows, throws what one of them threw. (rows, M, T)
  std::vector<float> take();
  /// Rows not begun yet are left out; `take` then throws Error `aborted`.
  void cancel();
  /// Until no row is being made any more.
  void wait();

 private:
  friend class Loader;
  friend class LoaderGate;
  void makeRow(int64_t row);
  /// Where a row goes; null when it is not wanted any more.
  float* place(int64_t row);

  std::shared_ptr<LoaderGate> gate_;
  std::function<void(int64_t, float*)> make_;
  int64_t rows_ = 0;
  int64_t rowSize_ = 0;
  bool begun_ = false;  // under the gate's mutex
  bool holds_ = false;  // under the gate's mutex
  std::vector<float> values_;
  std::mutex mutex_;
  std::condition_variable done_;
  int64_t left_ = 0;
  bool cancelled_ = false;
  std::exception_ptr failure_;
};

class Loader {
 public:
  explicit Loader(int threads);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Queues `rows` calls of `makeRow(row, out)`, each for `rowSize` floats. Batches begin in the order of the calls, and
  /// at most threads + 2 of them are begun and not taken: a long queue of steps costs no more memory. One that is taken
  /// out of turn begins then.
  std::shared_ptr<PendingFeatures> load(int64_t rows, int64_t rowSize, std::function<void(int64_t, float*)> makeRow);

 private:
  ThreadPool pool_;
  std::shared_ptr<LoaderGate> gate_;  // batches may outlive the loader
};

}  // namespace autobird
