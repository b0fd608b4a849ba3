// A native object as JavaScript holds it: type-tagged, so that another object in its place is a sentence and not a
// crash; its memory is reported to V8; `dispose` is the plan and the finalizer the net.
#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "addon/convert.h"
#include "addon/worker.h"
#include "core/error.h"

namespace autobird::addon {

struct HandleKind {
  const char* name;    // for messages: Trainer, Engine, ShardSet
  const char* thread;  // what Node's diagnostics show
  napi_type_tag tag;   // of this kind alone
};

/// `Core` is an object of core that jobs share. Members are touched on the JavaScript thread only.
template <class Core>
struct HandleState {
  HandleKind kind;
  std::shared_ptr<Executor> executor;  // empty once disposed, as `core`
  std::shared_ptr<Core> core;
  int64_t reportedBytes = 0;

  const std::shared_ptr<Core>& use() const {
    if (!core) throw disposed(kind.name);
    return core;
  }

  /// A job of this handle: `body(core)` on its thread, `toValue` as in Executor::run.
  template <class Body, class ToValue>
  Napi::Value run(Napi::Env env, Body body, ToValue toValue) {
    auto job = [shared = use(), body = std::move(body)]() mutable { return body(*shared); };
    return executor->run(env, std::move(job), std::move(toValue));
  }

  /// What a long job calls now and then to see whether to stop; valid in jobs of this handle.
  std::function<bool()> stopping() const {
    return [running = executor.get()] { return running->stopping(); };
  }

  /// The core and the thread go when the running job has ended; nothing waits for them.
  void dispose(Napi::Env env) {
    if (!core) return;
    executor->close(std::exchange(core, nullptr));
    executor.reset();
    report(env, 0);
  }

  /// V8 collects by what it believes to be in use; without this it would never see a network's weights.
  void report(Napi::Env env, int64_t bytes) {
    int64_t total = 0;
    napi_adjust_external_memory(env, bytes - reportedBytes, &total);  // fails only where the environment is ending
    reportedBytes = bytes;
  }
};

template <class Core>
using SharedState = std::shared_ptr<HandleState<Core>>;

/// The handle of a core whose jobs run on `executor`. `addMethods(handle, state)` adds to it what its kind can do.
template <class Core, class AddMethods>
Napi::Object makeHandle(Napi::Env env, const HandleKind& kind, std::shared_ptr<Executor> executor,
                        std::shared_ptr<Core> core, const AddMethods& addMethods) {
  const auto state = std::make_shared<HandleState<Core>>(HandleState<Core>{kind, std::move(executor), std::move(core)});
  if constexpr (requires { state->core->heldBytes(); }) state->report(env, state->core->heldBytes());
  Napi::Object handle = Napi::Object::New(env);
  handle.TypeTag(&kind.tag);
  auto finalize = [](napi_env rawEnv, void* data, void*) {
    const std::unique_ptr<SharedState<Core>> held(static_cast<SharedState<Core>*>(data));
    (*held)->dispose(rawEnv);
  };
  auto held = std::make_unique<SharedState<Core>>(state);
  if (napi_wrap(env, handle, held.get(), finalize, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  held.release();
  addMethods(handle, state);
  handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) { state->dispose(call.Env()); });
  return handle;
}

/// A handle with a thread of its own, whose core is there already.
template <class Core, class AddMethods>
Napi::Object makeHandle(Napi::Env env, const HandleKind& kind, std::shared_ptr<Core> core,
                        const AddMethods& addMethods) {
  return makeHandle(env, kind, Executor::start(env, kind.thread), std::move(core), addMethods);
}

/// The promise of a handle whose core `make()` makes on the handle's thread: that reads files or fills weights.
/// `borrowed` is what `make` reads.
template <class Core, class Make, class AddMethods>
Napi::Value openHandle(Napi::Env env, const HandleKind& kind, Make make, AddMethods addMethods,
                       std::shared_ptr<BorrowedArrays> borrowed = nullptr) {
  const auto executor = Executor::start(env, kind.thread);
  return executor->run(
      env, std::move(make),
      [kind, executor, addMethods, borrowed](Napi::Env jsEnv, std::shared_ptr<Core> core) -> Napi::Value {
        return makeHandle(jsEnv, kind, executor, std::move(core), addMethods);
      });
}

/// The state behind a handle that JavaScript gave as an argument.
template <class Core>
SharedState<Core> stateOf(const Napi::Value& value, const HandleKind& kind, const std::string& name) {
  void* data = nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kind.tag) ||
      napi_unwrap(value.Env(), value, &data) != napi_ok) {
    throw wrongKind(std::string("a ") + kind.name, name, value);
  }
  return *static_cast<SharedState<Core>*>(data);
}

/// A method of a handle: `body(call)` may throw core's errors.
template <class Body>
void addMethod(Napi::Object handle, const char* name, Body body) {
  handle[name] = Napi::Function::New(
      handle.Env(),
      [body](const Napi::CallbackInfo& call) -> Napi::Value { return guarded(call.Env(), [&] { return body(call); }); },
      name);
}

}  // namespace autobird::addon
