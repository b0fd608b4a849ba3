// One executor thread a handle: a queue of jobs, each with a promise. A job's body runs on the executor and touches no
// JavaScript value; its result is turned into JavaScript on the JavaScript thread, where all references also die.
// Not libuv's pool: OpenMP keeps a team of threads for every calling thread, and fs and dns would starve.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/error.h"

namespace autobird::addon {

class Executor;

/// What this environment (main thread or worker) holds. Never static: a static reference crashes a Worker at exit.
struct Environment {
  Napi::FunctionReference makeError;
  std::unordered_set<Executor*> executors;
  bool watchesExit = false;
  /// What decoders of recordings in memory share: a thread for each of a server's requests would cost more than decoding
  /// five seconds.
  std::vector<std::shared_ptr<Executor>> decoderExecutors;
};

/// The error object for a failure, made by the factory that `initialize` received.
Napi::Value makeError(Napi::Env env, const std::string& code, const std::string& message);

/// Code and message of the exception in flight, with LibTorch's C++ backtrace left out.
struct Failure {
  std::string code;
  std::string message;
};
/// Called inside a catch block. Each addon has its own, because only one of them knows LibTorch.
Failure currentFailure();

/// Runs `body`, and throws what it throws as a JavaScript error. For what is done on the JavaScript thread itself.
template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const Failure failure = currentFailure();
    throw Napi::Error(env, makeError(env, failure.code, failure.message));
  }
}

class Executor : public std::enable_shared_from_this<Executor> {
  struct Job;

 public:
  /// `name` is what diagnostics of Node show for its deliveries. `givesWay`: see core/thread_priority.h. Throws where the
  /// system gives no more threads.
  static std::shared_ptr<Executor> start(Napi::Env env, const std::string& name, bool givesWay = false);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Queues a job. `body` runs on the executor thread and returns a value without JavaScript in it; `toValue(env,
  /// value)` makes the JavaScript value on the JavaScript thread. The promise rejects with the class that fits the
  /// failure. `body` should own (shared_ptr) what it works on: the handle may be disposed meanwhile.
  template <class Body, class ToValue>
  Napi::Promise run(Napi::Env env, Body body, ToValue toValue) {
    using Result = std::invoke_result_t<Body>;
    auto job = std::make_unique<Job>(env, shared_from_this());
    if constexpr (std::is_void_v<Result>) {
      job->execute = std::move(body);
      job->complete = [toValue = std::move(toValue)](Napi::Env jsEnv) -> Napi::Value { return toValue(jsEnv); };
    } else {
      auto result = std::make_shared<std::unique_ptr<Result>>();
      job->execute = [body = std::move(body), result]() mutable { *result = std::make_unique<Result>(body()); };
      job->complete = [toValue = std::move(toValue), result](Napi::Env jsEnv) -> Napi::Value {
        return toValue(jsEnv, std::move(**result));
      };
    }
    return submit(std::move(job));
  }

  /// A promise that is settled once, later and from any thread: with a value, which `toValue(env, value)` turns into
  /// JavaScript on the JavaScript thread, or with a failure. What settles it must be over when `onJoin` returns.
  template <class Result>
  class Deferred {
   public:
    void resolve(Result value) {
      *result_ = std::make_unique<Result>(std::move(value));
      deliver();
    }
    void reject(Failure failure) {
      job_->failure = std::move(failure);
      deliver();
    }

   private:
    friend class Executor;
    void deliver() {
      Executor& executor = *job_->executor;
      executor.deliver(std::move(job_));
    }
    std::unique_ptr<Job> job_;
    std::shared_ptr<std::unique_ptr<Result>> result_;
  };
  template <class Result, class ToValue>
  std::pair<Napi::Promise, std::shared_ptr<Deferred<Result>>> defer(Napi::Env env, ToValue toValue) {
    auto deferred = std::make_shared<Deferred<Result>>();
    auto result = std::make_shared<std::unique_ptr<Result>>();
    deferred->result_ = result;
    deferred->job_ = std::make_unique<Job>(env, shared_from_this());
    deferred->job_->complete = [toValue = std::move(toValue), result](Napi::Env jsEnv) -> Napi::Value {
      return toValue(jsEnv, std::move(**result));
    };
    if (pending_++ == 0) deliverer_.Ref(env);
    return {deferred->job_->deferred.Promise(), deferred};
  }

  /// JavaScript thread. Rejects with code `aborted` what is queued; the running job sees `stopping()`. Usable
  /// afterwards.
  void abort() { generation_.fetch_add(1); }
  /// JavaScript thread. As `abort`, and the thread ends when the running job has. It lets go of `last`, so that what takes
  /// a while to go (weights, threads that end) does not block the caller.
  void close(std::shared_ptr<const void> last = nullptr);
  /// JavaScript thread. What `close` does beside, for a job that cannot call `stopping` itself; it must not throw or wait.
  void onClose(std::function<void()> interrupt) { interrupt_ = std::move(interrupt); }
  /// JavaScript thread. What waits, at the environment's end, for other threads that settle promises of this executor.
  void onJoin(std::function<void()> wait) { wait_ = std::move(wait); }
  /// JavaScript thread. Promises that are not settled yet.
  unsigned pending() const { return pending_; }
  /// A long job calls this now and then, from any thread, and throws `Error("aborted", …)`.
  bool stopping() const { return running_.load() != generation_.load(); }

 private:
  struct Job {
    Job(Napi::Env env, std::shared_ptr<Executor> owner)
        : deferred(Napi::Promise::Deferred::New(env)), executor(std::move(owner)) {}
    Napi::Promise::Deferred deferred;
    std::shared_ptr<Executor> executor;  // keeps the executor until the promise is settled
    std::function<void()> execute;
    std::function<Napi::Value(Napi::Env)> complete;
    std::optional<Failure> failure;
    unsigned generation = 0;
  };

  Executor(Napi::Env env, const std::string& name, bool givesWay);
  Napi::Promise submit(std::unique_ptr<Job> job);
  void deliver(std::unique_ptr<Job> job);
  void loop();
  void join();
  static void watchExit(Napi::Env env);
  static void settle(Napi::Env env, std::unique_ptr<Job> job);
  static void environmentEnds(void* self);

  napi_env env_;
  Napi::ThreadSafeFunction deliverer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool closed_ = false;                  // under mutex_
  std::shared_ptr<const void> last_;     // under mutex_; the thread's own once closed
  std::shared_ptr<Executor> self_;       // JavaScript thread: from `close` until the thread has ended
  std::atomic<unsigned> generation_{0};  // of jobs submitted now
  std::atomic<unsigned> running_{0};     // of the job that runs
  std::function<void()> interrupt_;      // JavaScript thread
  std::function<void()> wait_;           // JavaScript thread
  unsigned pending_ = 0;                 // JavaScript thread: promises not settled yet
  bool environmentEnded_ = false;        // JavaScript thread
  std::thread thread_;
};

}  // namespace autobird::addon
