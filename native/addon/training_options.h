// Options and tables of bindings/native.ts as the structs of core.
#pragma once

#include <napi.h>

#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/feature_options.h"
#include "core/dataset/clips.h"
#include "core/model/inference.h"
#include "core/model/options.h"
#include "core/tensor_data.h"
#include "core/training/batch.h"

namespace autobird::addon {

/// An integer that counts threads, rows, …: 1 to `largest`.
inline int toCount(const Napi::Value& value, const std::string& name, int64_t largest = 1 << 30) {
  const int64_t count = toInteger(value, name);
  if (count < 1 || count > largest) throw wrongKind("an integer from 1 to " + std::to_string(largest), name, value);
  return static_cast<int>(count);
}

/// More threads than any machine has are a mistake, and each takes memory.
constexpr int64_t kMaxThreads = 1024;

inline ModelOptions toModelOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "model");
  ModelOptions options;
  options.stem = stemFromName(toText(object["stem"], "model.stem"));
  options.stemChannels.clear();
  const Napi::Array channels = toArray(object["stemChannels"], "model.stemChannels");
  for (uint32_t i = 0; i < channels.Length(); ++i)
    options.stemChannels.push_back(toInteger(channels[i], "model.stemChannels"));
  options.stemDropout = toNumber(object["stemDropout"], "model.stemDropout");
  options.frequencyPooling = frequencyPoolingFromName(toText(object["frequencyPooling"], "model.frequencyPooling"));
  options.dModel = toInteger(object["dModel"], "model.dModel");
  options.nHeads = toInteger(object["nHeads"], "model.nHeads");
  options.nLayers = toInteger(object["nLayers"], "model.nLayers");
  options.ffDim = toInteger(object["ffDim"], "model.ffDim");
  options.dropout = toNumber(object["dropout"], "model.dropout");
  options.pooling = poolingFromName(toText(object["pooling"], "model.pooling"));
  options.maxLen = toInteger(object["maxLen"], "model.maxLen");
  return options;
}

inline Normalisation toNormalisation(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "statistics");
  return {toVector<float>(object["mean"], "statistics.mean"), toVector<float>(object["std"], "statistics.std")};
}

inline ClipTable toClipTable(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "clips");
  return {toVector<int32_t>(object["recording"], "clips.recording"),
          toVector<double>(object["startSample"], "clips.startSample"),
          toInteger(object["clipSamples"], "clips.clipSamples")};
}

inline BatchPlan toBatchPlan(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "plan");
  BatchPlan plan;
  plan.recording = toVector<int32_t>(object["recording"], "plan.recording");
  plan.startSample = toVector<double>(object["startSample"], "plan.startSample");
  plan.clipSamples = toInteger(object["clipSamples"], "plan.clipSamples");
  plan.gain = toVector<float>(object["gain"], "plan.gain");
  plan.mixRecording = toVector<int32_t>(object["mixRecording"], "plan.mixRecording");
  plan.mixStartSample = toVector<double>(object["mixStartSample"], "plan.mixStartSample");
  plan.mixRatio = toVector<float>(object["mixRatio"], "plan.mixRatio");
  plan.noiseSnrDb = toVector<float>(object["noiseSnrDb"], "plan.noiseSnrDb");
  plan.noiseSeed = toVector<uint32_t>(object["noiseSeed"], "plan.noiseSeed");
  plan.filterDb = toVector<float>(object["filterDb"], "plan.filterDb");
  plan.bandMasks = toVector<int32_t>(object["bandMasks"], "plan.bandMasks");
  plan.frameMasks = toVector<int32_t>(object["frameMasks"], "plan.frameMasks");
  plan.target = toVector<float>(object["target"], "plan.target");
  return plan;
}

/// The bytes stay where they are, and in `borrowed`.
inline std::vector<TensorView> toTensors(const Napi::Value& value, BorrowedArrays& borrowed) {
  const Napi::Array array = toArray(value, "tensors");
  std::vector<TensorView> tensors;
  tensors.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    const Napi::Object object = toObject(array[i], "tensors");
    TensorView tensor;
    tensor.name = toText(object["name"], "tensors.name");
    tensor.dtype = toText(object["dtype"], "dtype of " + tensor.name);
    const Napi::Array shape = toArray(object["shape"], "shape of " + tensor.name);
    for (uint32_t axis = 0; axis < shape.Length(); ++axis)
      tensor.shape.push_back(toInteger(shape[axis], "shape of " + tensor.name));
    tensor.bytes = borrowed.add<uint8_t>(object["data"], "data of " + tensor.name);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

inline Napi::Value fromTensors(Napi::Env env, const std::vector<TensorData>& tensors) {
  Napi::Array array = Napi::Array::New(env, tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Napi::HandleScope scope(env);
    const TensorData& tensor = tensors[i];
    Napi::Object object = Napi::Object::New(env);
    object["name"] = tensor.name;
    object["dtype"] = tensor.dtype;
    Napi::Array shape = Napi::Array::New(env, tensor.shape.size());
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      shape[static_cast<uint32_t>(axis)] = Napi::Number::New(env, static_cast<double>(tensor.shape[axis]));
    }
    object["shape"] = shape;
    object["data"] = fromVector(env, tensor.bytes);
    array[static_cast<uint32_t>(i)] = object;
  }
  return array;
}

inline Napi::Value fromEngineOutput(Napi::Env env, const EngineOutput& output, bool embeddings) {
  Napi::Object object = Napi::Object::New(env);
  object["logits"] = fromVector(env, output.logits);
  object["activity"] = fromVector(env, output.activity);
  object["peak"] = fromVector(env, output.peak);
  object["driftFeatures"] = fromVector(env, output.driftFeatures);
  object["embeddings"] = embeddings ? fromVector(env, output.embeddings) : env.Null();
  return object;
}

}  // namespace autobird::addon
