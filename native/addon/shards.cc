// ShardSet: the samples of a dataset and what is measured over them.
#include "addon/shards.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "addon/addon.h"
#include "addon/handle.h"
#include "addon/training_options.h"
#include "core/dataset/clips.h"
#include "core/text.h"

namespace autobird::addon {
namespace {

constexpr HandleKind kShardSet{"ShardSet", "autobird shards", {0x6175746f62697264, 0x5368617264536574}};

// One read crosses to JavaScript as one array.
constexpr int64_t kMaxReadSamples = int64_t{1} << 28;

// Some entries in a row, as bindings/ShardSet.ts packs them.
struct PackedEntries {
  std::span<const uint8_t> paths;  // each followed by a zero byte
  std::span<const double> places;  // (N, 4): pcmOffset, scaleOffset, sampleCount, blockSamples
};

std::vector<PackedEntries> toPackedEntries(const Napi::Value& value, BorrowedArrays& borrowed) {
  const Napi::Array array = toArray(value, "entries");
  std::vector<PackedEntries> packed;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object object = toObject(array[i], "entries");
    packed.push_back(
        {borrowed.add<uint8_t>(object["paths"], "paths"), borrowed.add<double>(object["places"], "places")});
  }
  return packed;
}

int64_t toPlace(double value, const char* name) {
  if (std::trunc(value) != value || std::abs(value) > kLargestInteger) {
    throw invalidArgument(std::string("Expected an integer for ") + name + " but received " + numberText(value));
  }
  return static_cast<int64_t>(value);
}

// On the set's thread: of a hundred thousand recordings it takes a while.
std::vector<ShardEntry> unpack(const std::vector<PackedEntries>& packed) {
  std::vector<ShardEntry> entries;
  for (const auto& [paths, places] : packed) {
    auto path = paths.begin();
    for (size_t i = 0; i + 4 <= places.size(); i += 4) {
      const auto end = std::find(path, paths.end(), uint8_t{0});
      if (end == paths.end()) throw invalidArgument("Expected a path for each shard but received too few");
      entries.push_back({std::string(path, end), toPlace(places[i], "pcmOffset"), toPlace(places[i + 1], "scaleOffset"),
                         toPlace(places[i + 2], "sampleCount"), toPlace(places[i + 3], "blockSamples")});
      path = end + 1;
    }
    if (path != paths.end()) throw invalidArgument("Expected paths without zero bytes for shards");
  }
  return entries;
}

struct Stretch {
  int64_t recording = 0;
  int64_t start = 0;
  int64_t count = 0;
};

Stretch toStretch(const Napi::CallbackInfo& call) {
  const int64_t recording = toInteger(call[0], "recording");
  const double start = toNumber(call[1], "startSample");
  requireStart(start);
  const int64_t count = toInteger(call[2], "sampleCount");
  if (count < 0 || count > kMaxReadSamples) throw wrongKind("an integer from 0 to 2^28", "sampleCount", call[2]);
  return {recording, std::llround(start), count};
}

std::vector<float> readStretch(const OpenShards& open, const Stretch& stretch) {
  std::vector<float> samples(static_cast<size_t>(stretch.count));
  open.shards->read(stretch.recording, stretch.start, stretch.count, samples.data());
  return samples;
}

void addShardSetMethods(Napi::Object handle, const SharedState<OpenShards>& state) {
  addMethod(handle, "clipLevels", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [stopping = state->stopping(), clips = toClipTable(call[0]),
         threads = toCount(call[1], "threads", kMaxThreads)](const OpenShards& open) {
          return clipLevels(*open.shards, open.logMel, clips, threads, stopping);
        },
        [](Napi::Env env, const ClipLevels& levels) -> Napi::Value {
          Napi::Object object = Napi::Object::New(env);
          object["rms"] = fromVector(env, levels.rms);
          object["melSpread"] = fromVector(env, levels.melSpread);
          object["activity"] = fromVector(env, levels.activity);
          return object;
        });
  });
  addMethod(handle, "bandStatistics", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [stopping = state->stopping(), clips = toClipTable(call[0]),
         threads = toCount(call[1], "threads", kMaxThreads)](const OpenShards& open) {
          return bandStatistics(*open.shards, open.logMel, clips, threads, stopping);
        },
        [](Napi::Env env, const BandStatistics& statistics) -> Napi::Value {
          Napi::Object object = Napi::Object::New(env);
          object["mean"] = fromVector(env, statistics.mean);
          object["std"] = fromVector(env, statistics.std);
          return object;
        });
  });
  addMethod(handle, "activityProfile", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [stopping = state->stopping(), recording = toInteger(call[0], "recording"), stepS = toNumber(call[1], "stepS")](
            const OpenShards& open) { return activityProfile(*open.shards, open.logMel, recording, stepS, stopping); },
        fromFloats);
  });
  addMethod(handle, "readPcm", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(), [stretch = toStretch(call)](const OpenShards& open) { return readStretch(open, stretch); },
        fromFloats);
  });
  addMethod(handle, "logMel", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    return state->run(
        call.Env(),
        [stretch = toStretch(call)](const OpenShards& open) { return open.logMel.compute(readStretch(open, stretch)); },
        fromFloats);
  });
  addMethod(handle, "abort", [state](const Napi::CallbackInfo& call) -> Napi::Value {
    if (state->executor) state->executor->abort();
    return call.Env().Undefined();
  });
}

}  // namespace

std::shared_ptr<const ShardSet> shardsOf(const Napi::Value& handle) {
  return stateOf<OpenShards>(handle, kShardSet, "shards")->use()->shards;
}

Napi::Value openShards(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto borrowed = std::make_shared<BorrowedArrays>();
    return openHandle<OpenShards>(
        info.Env(), kShardSet,
        [packed = toPackedEntries(info[0], *borrowed), features = toFeatureOptions(info[1])] {
          return std::make_shared<OpenShards>(unpack(packed), features);
        },
        addShardSetMethods, borrowed);
  });
}

}  // namespace autobird::addon
