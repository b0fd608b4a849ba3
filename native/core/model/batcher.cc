#include "core/model/batcher.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/thread_priority.h"

namespace autobird {

using Clock = std::chrono::steady_clock;

namespace {

// How much a batch still counts after the next one: a machine that other work slows down, or clips of another length, are
// seen within a second or so, and one odd batch does not refuse calls.
constexpr double kKeptOfRecent = 0.95;

constexpr std::array<double, 7> kWaitBoundsMs{1, 5, 25, 100, 250, 1000, 5000};

}  // namespace

struct Batcher::Call {
  uint64_t number = 0;
  std::shared_ptr<const Samples> samples;
  std::vector<double> startSample;
  int64_t clipSamples = 0;
  Wanted wanted;
  Done done;
  Clock::time_point queued;
  Clock::time_point deadline;
  int64_t taken = 0;     // clips that a worker has
  int64_t computed = 0;  // clips whose scores are in `output`
  bool finished = false;
  EngineOutput output;

  int64_t clips() const { return static_cast<int64_t>(startSample.size()); }
};

struct Batcher::Slice {
  std::shared_ptr<Call> call;
  int64_t begin = 0;
  int64_t count = 0;
};

struct Batcher::CallResult {
  std::shared_ptr<Call> call;
  std::exception_ptr failure;
};

Batcher::Batcher(std::shared_ptr<const Engine> engine, int workers, const BatchingOptions& options)
    : engine_(std::move(engine)), workers_(workers), options_(options) {
  threads_.reserve(static_cast<size_t>(workers));
  try {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { loop(); });
  } catch (...) {
    stop();
    throw;
  }
}

Batcher::~Batcher() { stop(); }

void Batcher::submit(uint64_t number, std::shared_ptr<const Samples> samples, std::vector<double> startSample,
                     int64_t clipSamples, Wanted wanted, double withinMs, Done done) {
  engine_->checkClips(startSample, clipSamples);
  auto call = std::make_shared<Call>();
  call->number = number;
  call->samples = std::move(samples);
  call->startSample = std::move(startSample);
  call->clipSamples = clipSamples;
  call->wanted = wanted;
  call->done = std::move(done);
  call->output = engine_->emptyOutput(call->clips(), wanted);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) throw Error("aborted", "The work was stopped before it began");
    const int64_t waiting = stats_.queuedClips + stats_.runningClips;
    if (stats_.queuedClips > 0 && waiting + call->clips() > options_.maxQueuedClips) {
      ++stats_.refusedCalls;
      throw Error("overloaded", std::to_string(waiting) + " clips are waiting already: try again later");
    }
    // What cannot be there in time is better refused at once than computed for nothing.
    if (stats_.queuedClips > 0 && static_cast<double>(waiting) * clipMs() / workers_ > withinMs) {
      ++stats_.refusedCalls;
      throw Error("overloaded", std::to_string(waiting) +
                                    " clips are waiting already, longer than this answer may take: try again later");
    }
    call->queued = Clock::now();
    // Limited, so that adding it to the clock does not overflow.
    constexpr double longestMs = 1e10;
    call->deadline = call->queued + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double, std::milli>(std::min(withinMs, longestMs)));
    stats_.queuedClips += call->clips();
    open_.push_back(call);
    if (call->clips() > 0) queue_.push_back(call);
  }
  if (call->clips() == 0) finish(call, nullptr);
  wake_.notify_all();
}

void Batcher::cancel(uint64_t number) {
  std::shared_ptr<Call> call;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& each : open_)
      if (each->number == number) call = each;
    if (!call) return;
    const auto place = std::find(queue_.begin(), queue_.end(), call);
    if (place != queue_.end()) {
      queue_.erase(place);
      stats_.queuedClips -= call->clips() - call->taken;
    }
  }
  finish(call, std::make_exception_ptr(Error("aborted", "The work was stopped")));
}

BatcherStats Batcher::stats() const {
  const std::lock_guard lock(mutex_);
  BatcherStats stats = stats_;
  stats.meanClipMs = clipMs();
  return stats;
}

// Under the lock.
double Batcher::clipMs() const { return recentClips_ > 0 ? recentMs_ / recentClips_ : 0; }

void Batcher::stop() {
  abandon();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void Batcher::abandon() {
  std::vector<std::shared_ptr<Call>> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
    stats_.queuedClips = 0;
    left = open_;
  }
  wake_.notify_all();
  for (const auto& call : left) finish(call, std::make_exception_ptr(Error("aborted", "The work was stopped")));
}

void Batcher::loop() {
  giveWay();
  at::set_num_threads(1);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    dropLate(lock);
    const std::vector<Slice> slices = take(lock);
    if (slices.empty()) continue;
    int64_t clips = 0;
    for (const Slice& slice : slices) clips += slice.count;
    ++busy_;
    stats_.runningClips += clips;
    lock.unlock();
    const auto begin = Clock::now();
    const std::vector<CallResult> results = compute(slices);
    const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
    lock.lock();
    --busy_;
    stats_.busyMs += took.count();
    recentMs_ = kKeptOfRecent * recentMs_ + took.count();
    recentClips_ = kKeptOfRecent * recentClips_ + static_cast<double>(clips);
    stats_.runningClips -= clips;
    stats_.clips += clips;
    ++stats_.batches;
    size_t bucket = 0;
    while (bucket + 1 < stats_.batchSizes.size() && (int64_t{1} << bucket) < clips) ++bucket;
    ++stats_.batchSizes[bucket];
    // A worker that waits to fill its batch need not wait any longer.
    wake_.notify_all();
    // Only now, so that a caller whose prediction is there finds it counted.
    lock.unlock();
    for (const CallResult& result : results) finish(result.call, result.failure);
    lock.lock();
  }
}

// Takes the calls whose time is over out of the queue. The lock is let go while they are done.
void Batcher::dropLate(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  std::vector<std::shared_ptr<Call>> late;
  for (const auto& call : queue_)
    if (call->deadline < now) late.push_back(call);
  if (late.empty()) return;
  stats_.lateCalls += static_cast<int64_t>(late.size());
  lock.unlock();
  for (const auto& call : late) {
    finish(call, std::make_exception_ptr(Error("deadline_exceeded", "The time for this answer was over")));
  }
  lock.lock();
}

// The next batch: clips of equal length from the calls in turn. Waits for more only where another worker is computing
// anyway, and never longer than the oldest clip may wait.
std::vector<Batcher::Slice> Batcher::take(std::unique_lock<std::mutex>& lock) {
  const auto patience =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(options_.maxDelayMs));
  while (!stopped_ && !queue_.empty() && busy_ > 0 && stats_.queuedClips < options_.maxClips) {
    const auto until = queue_.front()->queued + patience;
    if (Clock::now() >= until) break;
    wake_.wait_until(lock, until);
  }
  if (stopped_ || queue_.empty()) return {};

  // Workers that have nothing to do get their share of what is there.
  const int64_t idle = std::max(1, workers_ - busy_);
  const int64_t share = (stats_.queuedClips + idle - 1) / idle;
  int64_t room = std::clamp<int64_t>(share, 1, options_.maxClips);
  const int64_t clipSamples = queue_.front()->clipSamples;
  int64_t alike = 0;
  for (const auto& call : queue_) alike += call->clipSamples == clipSamples ? 1 : 0;

  const auto now = Clock::now();
  std::vector<Slice> slices;
  std::deque<std::shared_ptr<Call>> later;
  while (room > 0 && !queue_.empty()) {
    const std::shared_ptr<Call> call = queue_.front();
    queue_.pop_front();
    if (call->clipSamples != clipSamples) {
      later.push_back(call);
      continue;
    }
    // Equal parts; the remainder goes to the first calls.
    const int64_t part = (room + alike - 1) / std::max<int64_t>(alike, 1);
    const int64_t count = std::min(call->clips() - call->taken, part);
    --alike;
    slices.push_back({call, call->taken, count});
    call->taken += count;
    room -= count;
    stats_.queuedClips -= count;
    const double waitedMs = std::chrono::duration<double, std::milli>(now - call->queued).count();
    stats_.waitedMs += waitedMs * static_cast<double>(count);
    const auto bound = std::lower_bound(kWaitBoundsMs.begin(), kWaitBoundsMs.end(), waitedMs);
    stats_.waits[static_cast<size_t>(bound - kWaitBoundsMs.begin())] += count;
    // Behind the others: their turn comes first next time.
    if (call->taken < call->clips()) later.push_back(call);
  }
  for (auto& call : later) queue_.push_back(std::move(call));
  return slices;
}

std::vector<Batcher::CallResult> Batcher::compute(const std::vector<Slice>& slices) {
  std::exception_ptr failure;
  std::vector<CallResult> results;
  std::vector<ClipSource> clips;
  Wanted wanted;  // by any of them
  for (const Slice& slice : slices) {
    wanted.embeddings |= slice.call->wanted.embeddings;
    wanted.driftFeatures |= slice.call->wanted.driftFeatures;
    for (int64_t i = 0; i < slice.count; ++i)
      clips.push_back({*slice.call->samples, slice.call->startSample[static_cast<size_t>(slice.begin + i)]});
  }
  EngineOutput output;
  try {
    output = engine_->scoreClips(clips, slices.front().call->clipSamples, wanted);
  } catch (...) {
    failure = std::current_exception();
  }
  int64_t row = 0;
  for (const Slice& slice : slices) {
    bool complete = false;
    {
      const std::lock_guard lock(mutex_);
      // A call that was cancelled meanwhile has given its output away.
      if (!failure && !slice.call->finished) {
        copyRows(output, row, slice.count, slice.call->output, slice.begin);
      }
      slice.call->computed += slice.count;
      complete = slice.call->computed == slice.call->clips();
    }
    row += slice.count;
    if (failure || complete) results.push_back({slice.call, failure});
  }
  return results;
}

void Batcher::finish(const std::shared_ptr<Call>& call, std::exception_ptr failure) {
  EngineOutput output;
  Done done;
  {
    const std::lock_guard lock(mutex_);
    if (call->finished) return;
    call->finished = true;
    output = std::move(call->output);
    done = std::move(call->done);
    open_.erase(std::remove(open_.begin(), open_.end(), call), open_.end());
    // Where one part of a call failed the others are not needed.
    const auto place = std::find(queue_.begin(), queue_.end(), call);
    if (place != queue_.end()) {
      queue_.erase(place);
      stats_.queuedClips -= call->clips() - call->taken;
    }
  }
  done(std::move(output), std::move(failure));
}

}  // namespace autobird
