// Clips of many calls, scored together: a server's requests are short, and a network is fast on several clips at once.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/audio/samples.h"
#include "core/model/engine.h"

namespace autobird {

/// The same fields as `BatchingOptions` of bindings/native.ts; their defaults stand in src/prediction/options.ts.
struct BatchingOptions {
  /// Clips of a batch, at most.
  int64_t maxClips = 0;
  /// How long a clip may wait for others while another worker computes. A clip that finds all workers idle never waits.
  double maxDelayMs = 0;
  /// A call that finds others waiting and would make more than this is refused; an idle batcher takes a call of any size.
  int64_t maxQueuedClips = 0;
};

/// What the batcher has done and what waits.
struct BatcherStats {
  int64_t queuedClips = 0;
  int64_t runningClips = 0;
  int64_t clips = 0;
  int64_t batches = 0;
  int64_t refusedCalls = 0;
  /// Calls whose time was over before all their clips were computed.
  int64_t lateCalls = 0;
  /// Time of a worker for a clip, over the last twenty batches or so.
  double meanClipMs = 0;
  /// Over all batches: time of all workers.
  double busyMs = 0;
  /// Batches of 1, 2, up to 4, 8, 16, 32, … clips.
  std::array<int64_t, 8> batchSizes{};
  /// Over all clips that a worker took: how long they had waited.
  double waitedMs = 0;
  /// Clips that had waited up to 1, 5, 25, 100, 250, 1000, 5000 ms and longer.
  std::array<int64_t, 8> waits{};
};

/// Workers of one torch thread each over one network. Calls share the workers clip by clip, in turn, so that a long recording
/// does not keep a short one waiting; they give way to other threads. All members may be called from any thread.
class Batcher {
 public:
  /// Called once a call, from a worker or from `cancel` and `stop`: the scores, or why there are none. Must not throw.
  using Done = std::function<void(EngineOutput, std::exception_ptr)>;

  Batcher(std::shared_ptr<const Engine> engine, int workers, const BatchingOptions& options);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Queues clips of one stretch of samples, as Engine::forwardPcm takes them, as the call `number`, to be done within
  /// `withinMs` (may be infinite): what is not is done with `deadline_exceeded`, before more of it is computed. Throws
  /// `overloaded` where too much is queued already for the queue or for that time, `aborted` after `stop`, and what
  /// `Engine::checkClips` throws; `done` is not called then.
  void submit(uint64_t number, std::shared_ptr<const Samples> samples, std::vector<double> startSample,
              int64_t clipSamples, Wanted wanted, double withinMs, Done done);

  /// Takes a call out of the queue; it is done with `aborted`. Clips that are being computed are computed for nothing.
  void cancel(uint64_t number);

  BatcherStats stats() const;

  /// Calls that are not done are done with `aborted`, and the workers end when they have computed what they are at; waits for
  /// nothing. Safe to repeat.
  void abandon();

  /// As `abandon`, and waits for the workers. Safe to repeat.
  void stop();

 private:
  struct Call;
  struct Slice;       // neighbouring clips of one call
  struct CallResult;  // a call that is done, and why where it failed

  void loop();
  void dropLate(std::unique_lock<std::mutex>& lock);
  double clipMs() const;
  std::vector<Slice> take(std::unique_lock<std::mutex>& lock);
  /// Gives the calls that are done with it.
  std::vector<CallResult> compute(const std::vector<Slice>& slices);
  void finish(const std::shared_ptr<Call>& call, std::exception_ptr failure);

  const std::shared_ptr<const Engine> engine_;
  const int workers_;
  const BatchingOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Call>> queue_;  // calls with clips that no worker has taken
  std::vector<std::shared_ptr<Call>> open_;  // calls that are not done
  int busy_ = 0;
  double recentMs_ = 0;     // of the last batches, each later one counting for more
  double recentClips_ = 0;  // of the same
  bool stopped_ = false;
  BatcherStats stats_;
  std::vector<std::thread> threads_;
};

}  // namespace autobird
