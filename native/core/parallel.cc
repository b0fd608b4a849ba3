#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>

#include "core/error.h"

namespace autobird {

void parallelFor(int64_t count, int threads, const std::function<bool()>& stopping,
                 const std::function<void(int64_t, int)>& body) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr failure;
  auto work = [&](int worker) {
    try {
      while (!failed.load(std::memory_order_relaxed)) {
        const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= count) return;
        if (stopping && stopping()) throw Error("aborted", "The work was aborted");
        body(i, worker);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      failed = true;
    }
  };
  const int helpers = static_cast<int>(std::min<int64_t>(std::max(threads, 1), count)) - 1;
  std::vector<std::thread> workers;
  workers.reserve(std::max(helpers, 0));
  try {
    for (int i = 0; i < helpers; ++i) workers.emplace_back(work, i + 1);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do the work.
  }
  work(0);
  for (auto& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 0; i < std::max(threads, 1); ++i) workers_.emplace_back([this] { loop(); });
  } catch (const std::system_error&) {
    if (workers_.empty()) throw;  // one is enough
  }
}

ThreadPool::~ThreadPool() {
  std::deque<std::function<void()>> dropped;  // what a task owns may lock as well: it goes after the lock
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::submit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ThreadPool::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
    if (stopped_) return;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace autobird
