// ShardSet: the samples of a dataset and what is measured over them.
#include "addon/shards.h"

#include <algorithm>
#include <limits>

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/training_options.h"
#include "core/dataset/clips.h"

namespace autobird::addon {
namespace {

constexpr napi_type_tag kShardsTag{0x6175746f62697264, 0x5368617264536574};

// One read crosses to JavaScript as one array.
constexpr int64_t kMaxReadSamples = int64_t{1} << 28;

ShardEntry toEntry(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "entries");
  ShardEntry entry;
  entry.path = toText(object["path"], "path");
  entry.pcmOffset = toInteger(object["pcmOffset"], "pcmOffset");
  entry.scaleOffset = toInteger(object["scaleOffset"], "scaleOffset");
  entry.sampleCount = toInteger(object["sampleCount"], "sampleCount");
  entry.blockSamples = toInteger(object["blockSamples"], "blockSamples");
  return entry;
}

struct Stretch {
  int64_t recording = 0;
  int64_t start = 0;
  int64_t count = 0;
};

Stretch toStretch(const Napi::CallbackInfo& call) {
  const int64_t recording = toInteger(call[0], "recording");
  const double start = toNumber(call[1], "startSample");
  if (!(std::abs(start) < 9e15)) throw wrongKind("a number of samples", "startSample", call[1]);
  const int64_t count = toInteger(call[2], "sampleCount");
  if (count < 0 || count > kMaxReadSamples) throw wrongKind("an integer from 0 to 2^28", "sampleCount", call[2]);
  return {recording, std::llround(start), count};
}

std::vector<float> readStretch(const OpenShards& open, const Stretch& stretch) {
  std::vector<float> samples(static_cast<size_t>(stretch.count));
  open.shards->read(stretch.recording, stretch.start, stretch.count, samples.data());
  return samples;
}

}  // namespace

std::shared_ptr<const ShardSet> shardsOf(const Napi::Value& handle) {
  return stateOf<OpenShards>(handle, kShardsTag, "ShardSet", "shards")->use()->shards;
}

Napi::Value openShards(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const Napi::Array array = toArray(info[0], "entries");
    std::vector<ShardEntry> entries;
    entries.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::HandleScope scope(env);
      entries.push_back(toEntry(array[i]));
    }
    auto state = std::make_shared<HandleState<OpenShards>>();
    state->kind = "ShardSet";
    state->core = std::make_shared<OpenShards>(std::move(entries), toFeatureOptions(info[1]));
    state->executor = Executor::start(env, "autobird shards");
    Napi::Object handle = makeHandle(env, kShardsTag, state);

    addMethod(handle, "clipLevels", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      const int threads = toCount(call[1], "threads", kMaxThreads);
      return state->executor->run(
          call.Env(),
          [core = state->use(), executor = state->executor.get(), clips = toClipTable(call[0]), threads] {
            return clipLevels(*core->shards, core->logMel, clips, threads, [executor] { return executor->stopping(); });
          },
          [](Napi::Env jsEnv, const ClipLevels& levels) -> Napi::Value {
            Napi::Object object = Napi::Object::New(jsEnv);
            object["rms"] = fromVector(jsEnv, levels.rms);
            object["melSpread"] = fromVector(jsEnv, levels.melSpread);
            object["activity"] = fromVector(jsEnv, levels.activity);
            return object;
          });
    });
    addMethod(handle, "bandStatistics", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      const int threads = toCount(call[1], "threads", kMaxThreads);
      return state->executor->run(
          call.Env(),
          [core = state->use(), executor = state->executor.get(), clips = toClipTable(call[0]), threads] {
            return bandStatistics(*core->shards, core->logMel, clips, threads,
                                  [executor] { return executor->stopping(); });
          },
          [](Napi::Env jsEnv, const BandStatistics& statistics) -> Napi::Value {
            Napi::Object object = Napi::Object::New(jsEnv);
            object["mean"] = fromVector(jsEnv, statistics.mean);
            object["std"] = fromVector(jsEnv, statistics.std);
            return object;
          });
    });
    addMethod(handle, "activityProfile", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      return state->executor->run(
          call.Env(),
          [core = state->use(), executor = state->executor.get(), recording = toInteger(call[0], "recording"),
           stepS = toNumber(call[1], "stepS")] {
            return activityProfile(*core->shards, core->logMel, recording, stepS,
                                   [executor] { return executor->stopping(); });
          },
          [](Napi::Env jsEnv, const std::vector<float>& profile) { return fromVector(jsEnv, profile); });
    });
    addMethod(handle, "readPcm", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      return state->executor->run(
          call.Env(), [core = state->use(), stretch = toStretch(call)] { return readStretch(*core, stretch); },
          [](Napi::Env jsEnv, const std::vector<float>& samples) { return fromVector(jsEnv, samples); });
    });
    addMethod(handle, "logMel", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      return state->executor->run(
          call.Env(),
          [core = state->use(), stretch = toStretch(call)] {
            return core->logMel.compute(readStretch(*core, stretch));
          },
          [](Napi::Env jsEnv, const std::vector<float>& out) { return fromVector(jsEnv, out); });
    });
    addMethod(handle, "abort", [state](const Napi::CallbackInfo& call) -> Napi::Value {
      state->executor->abort();
      return call.Env().Undefined();
    });
    return handle;
  });
}

}  // namespace autobird::addon
