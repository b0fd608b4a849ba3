// A native object as JavaScript holds it: type-tagged, so that another object in its place is a sentence and not a
// crash; its memory is reported to V8; `dispose` is the plan and the finalizer the net.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "addon/convert.h"
#include "addon/worker.h"
#include "core/error.h"

namespace autobird::addon {

/// `Core` is an object of core that jobs share. Members are touched on the JavaScript thread only.
template <class Core>
struct HandleState {
  std::string kind;  // for messages: Trainer, Engine, ShardSet
  std::shared_ptr<Executor> executor;
  std::shared_ptr<Core> core;  // empty once disposed
  int64_t reportedBytes = 0;

  const std::shared_ptr<Core>& use() const {
    if (!core) throw Error("disposed", kind + " was disposed: make a new one before using it again");
    return core;
  }

  void dispose(Napi::Env env) {
    if (!core) return;
    executor->close();
    core.reset();
    report(env, 0);
  }

  /// V8 collects by what it believes to be in use; without this it would never see a network's weights.
  void report(Napi::Env env, int64_t bytes) {
    int64_t total = 0;
    napi_adjust_external_memory(env, bytes - reportedBytes, &total);  // fails only where the environment is ending
    reportedBytes = bytes;
  }
};

/// `tag` is unique to the kind of handle.
template <class Core>
Napi::Object makeHandle(Napi::Env env, const napi_type_tag& tag, const std::shared_ptr<HandleState<Core>>& state) {
  using Shared = std::shared_ptr<HandleState<Core>>;
  Napi::Object handle = Napi::Object::New(env);
  handle.TypeTag(&tag);
  auto finalize = [](napi_env rawEnv, void* data, void*) {
    const std::unique_ptr<Shared> held(static_cast<Shared*>(data));
    (*held)->dispose(rawEnv);
  };
  auto held = std::make_unique<Shared>(state);
  if (napi_wrap(env, handle, held.get(), finalize, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  held.release();
  handle["dispose"] = Napi::Function::New(env, [state](const Napi::CallbackInfo& call) { state->dispose(call.Env()); });
  return handle;
}

/// The state behind a handle that JavaScript gave as an argument.
template <class Core>
std::shared_ptr<HandleState<Core>> stateOf(const Napi::Value& value, const napi_type_tag& tag, const std::string& kind,
                                           const std::string& name) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&tag)) throw wrongKind("a " + kind, name, value);
  void* data = nullptr;
  if (napi_unwrap(value.Env(), value, &data) != napi_ok) throw wrongKind("a " + kind, name, value);
  return *static_cast<std::shared_ptr<HandleState<Core>>*>(data);
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
