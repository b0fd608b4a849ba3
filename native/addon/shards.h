// The shard set behind a handle, for the handles that read from it.
#pragma once

#include <napi.h>

#include <memory>

#include "core/dataset/shard_set.h"
#include "core/features/log_mel.h"

namespace autobird::addon {

struct OpenShards {
  OpenShards(std::vector<ShardEntry> entries, const FeatureOptions& features)
      : shards(std::make_shared<const ShardSet>(std::move(entries))), logMel(features) {}
  std::shared_ptr<const ShardSet> shards;
  LogMel logMel;
};

/// Throws `invalid_argument` for another object and `disposed` for a disposed handle.
std::shared_ptr<const ShardSet> shardsOf(const Napi::Value& handle);

}  // namespace autobird::addon
