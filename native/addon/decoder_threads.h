// On which thread a decoder works.
#pragma once

#include <algorithm>
#include <memory>
#include <thread>

#include "addon/worker.h"

namespace autobird::addon {

struct DecoderThread {
  std::shared_ptr<Executor> executor;
  bool own = false;  // ends with the decoder
};

/// A recording in memory never waits, so such decoders share a thread a core: that with the least to do, to which a decoder then
/// keeps; these give way to the threads that receive and send. A file may wait for a disk or a network, so it has a thread of its own.
inline DecoderThread chooseThread(Napi::Env env, const char* name, bool inMemory) {
  auto& pool = env.GetInstanceData<Environment>()->decoderExecutors;
  if (!inMemory) return {Executor::start(env, name), true};
  if (pool.size() < std::max(1U, std::thread::hardware_concurrency())) {
    pool.push_back(Executor::start(env, name, /*givesWay=*/true));
    return {pool.back(), false};
  }
  return {*std::min_element(pool.begin(), pool.end(),
                            [](const auto& a, const auto& b) { return a->pending() < b->pending(); }),
          false};
}

}  // namespace autobird::addon
