#include "addon/worker.h"

#include "core/thread_priority.h"

namespace autobird::addon {

Napi::Value makeError(Napi::Env env, const std::string& code, const std::string& message) {
  auto* environment = env.GetInstanceData<Environment>();
  if (environment == nullptr || environment->makeError.IsEmpty()) {
    return Napi::Error::New(env, code + ": " + message).Value();  // before `initialize`
  }
  return environment->makeError.Call({Napi::String::New(env, code), Napi::String::New(env, message)});
}

std::shared_ptr<Executor> Executor::start(Napi::Env env, const std::string& name, bool givesWay) {
  return std::shared_ptr<Executor>(new Executor(env, name, givesWay));
}

Executor::Executor(Napi::Env env, const std::string& name, bool givesWay) : env_(env) {
  auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  deliverer_ = Napi::ThreadSafeFunction::New(env, nothing, name, /*maxQueueSize=*/0, /*initialThreadCount=*/1);
  deliverer_.Unref(env);  // only a pending promise keeps the process alive
  // Before anything points to this object: where the system gives no more threads, nothing may be left that points to it.
  try {
    watchExit(env);
    thread_ = std::thread([this, givesWay] {
      if (givesWay) giveWay();
      loop();
    });
  } catch (...) {
    deliverer_.Release();
    throw;
  }
  // After the thread-safe function, so that it runs before that one's own hook: the thread must end while it is valid.
  napi_add_env_cleanup_hook(env, environmentEnds, this);
  env.GetInstanceData<Environment>()->executors.insert(this);
}

// process.exit() and an uncaught error call exit() without the clean-up hooks of the main environment: LibTorch's statics
// would be destroyed under a running job. The `exit` event comes before, in both cases.
void Executor::watchExit(Napi::Env env) {
  auto* environment = env.GetInstanceData<Environment>();
  if (environment->watchesExit) return;
  environment->watchesExit = true;
  const auto process = env.Global().Get("process").As<Napi::Object>();
  const auto end = Napi::Function::New(env, [environment](const Napi::CallbackInfo&) {
    for (Executor* executor : environment->executors) executor->close();
    for (Executor* executor : environment->executors) executor->join();
  });
  process.Get("on").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), end});
}

Executor::~Executor() {
  if (environmentEnded_) return;
  Napi::Env(env_).GetInstanceData<Environment>()->executors.erase(this);
  close();
  join();
  deliverer_.Release();
  napi_remove_env_cleanup_hook(env_, environmentEnds, this);
}

void Executor::environmentEnds(void* data) {
  auto* self = static_cast<Executor*>(data);
  self->environmentEnded_ = true;
  self->close();
  self->join();
  self->deliverer_.Release();
  const std::shared_ptr<Executor> held = std::exchange(self->self_, nullptr);  // may be the last to hold it
}

void Executor::close(std::shared_ptr<const void> last) {
  generation_.fetch_add(1);
  {
    const std::lock_guard lock(mutex_);
    // Nothing in the destructor, where no reference is left to wait for the thread's end.
    if (!std::exchange(closed_, true)) self_ = weak_from_this().lock();
    if (last) last_ = std::move(last);
  }
  wake_.notify_one();
  if (interrupt_) interrupt_();
}

void Executor::join() {
  if (wait_) wait_();
  if (thread_.joinable()) thread_.join();
}

Napi::Promise Executor::submit(std::unique_ptr<Job> job) {
  const Napi::Env env(env_);
  const Napi::Promise promise = job->deferred.Promise();
  job->generation = generation_.load();
  if (pending_++ == 0) deliverer_.Ref(env);
  bool refused = false;
  {
    const std::lock_guard lock(mutex_);
    refused = closed_;
    if (!refused) queue_.push_back(std::move(job));
  }
  if (refused) {
    job->failure = Failure{"disposed", disposed("The handle").what()};
    settle(env, std::move(job));
  } else {
    wake_.notify_one();
  }
  return promise;
}

void Executor::loop() {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) break;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    running_ = job->generation;
    if (stopping()) {
      job->failure = Failure{"aborted", "The work was stopped before it began"};
    } else {
      try {
        job->execute();
      } catch (...) {
        job->failure = currentFailure();
      }
    }
    job->execute = nullptr;  // what the body owned (tensors) goes here, not on the JavaScript thread
    deliver(std::move(job));
  }
  last_.reset();
  deliverer_.BlockingCall([ended = weak_from_this()](Napi::Env, Napi::Function) {
    if (const auto executor = ended.lock()) executor->self_.reset();
  });
}

void Executor::deliver(std::unique_ptr<Job> job) {
  // The queue is unbounded, so this never blocks. When the environment is ending the job is dropped with it.
  deliverer_.BlockingCall(job.release(),
                          [](Napi::Env env, Napi::Function, Job* done) { settle(env, std::unique_ptr<Job>(done)); });
}

void Executor::settle(Napi::Env env, std::unique_ptr<Job> job) {
  const std::shared_ptr<Executor> executor = job->executor;
  if (--executor->pending_ == 0) executor->deliverer_.Unref(env);
  const Napi::HandleScope scope(env);
  try {
    if (job->failure) {
      job->deferred.Reject(makeError(env, job->failure->code, job->failure->message));
      return;
    }
    try {
      job->deferred.Resolve(job->complete(env));
    } catch (const Napi::Error& error) {
      job->deferred.Reject(error.Value());
    } catch (...) {  // the result may be too large to be copied for JavaScript
      const Failure failure = currentFailure();
      job->deferred.Reject(makeError(env, failure.code, failure.message));
    }
  } catch (const Napi::Error&) {
    // worker.terminate(): no JavaScript can run in this environment any more, so nothing waits for the promise.
  }
}

}  // namespace autobird::addon
