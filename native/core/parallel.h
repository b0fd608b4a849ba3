// Threads of our own. OpenMP belongs to LibTorch alone: a second OpenMP runtime, or a team for every one of our
// threads, would put more spinning threads on the machine than it has cores.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace autobird {

/// Calls `body(i, worker)` for every i in [0, count) from at most `threads` threads, the calling one among them.
/// Indices are handed out one at a time; `worker` is in [0, threads). The first exception is thrown again when all
/// threads have come back; `stopping` is called before every index and ends the loop with `Error("aborted", …)`.
void parallelFor(int64_t count, int threads, const std::function<bool()>& stopping,
                 const std::function<void(int64_t, int)>& body);

/// First in, first out. What is queued when the pool dies is dropped; what runs is finished.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// `task` must not throw.
  void submit(std::function<void()> task);

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace autobird
