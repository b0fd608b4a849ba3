#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
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

Team& Team::ofThisThread(int threads) {
  thread_local std::unique_ptr<Team> team;
  if (!team || team->size() != std::max(threads, 1)) team = std::make_unique<Team>(threads);
  return *team;
}

Team::Team(int threads) {
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { loop(i); });
  } catch (...) {
    stop();  // a smaller team would add in another order
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Team::run(int64_t count, const std::function<void(int64_t, int64_t, int)>& body) {
  if (workers_.empty() || count < 2) {
    body(0, count, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    running_ = static_cast<int>(workers_.size());
    ++round_;
  }
  wake_.notify_all();
  body(0, count / size(), 0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
}

void Team::loop(int worker) {
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopped_ || round_ != seen; });
    if (stopped_) return;
    seen = round_;
    const auto* body = body_;
    const int64_t begin = count_ * worker / size();
    const int64_t end = count_ * (worker + 1) / size();
    lock.unlock();
    (*body)(begin, end, worker);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
  }
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
