// The log-mel of one stretch of samples, for tools and tests; training and prediction use core's LogMel themselves.
#include "core/features/log_mel.h"

#include <memory>
#include <vector>

#include "addon/addon.h"
#include "addon/feature_options.h"
#include "addon/handle.h"
#include "core/dataset/clips.h"
#include "core/features/drift.h"

namespace autobird::addon {

namespace {

constexpr HandleKind kLogMel{"LogMel", "autobird log-mel", {0x6175746f62697264, 0x4c6f674d656c0000}};

}  // namespace

Napi::Value createLogMel(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto core = std::make_shared<const LogMel>(toFeatureOptions(info[0]));
    return makeHandle(info.Env(), kLogMel, core, [](Napi::Object handle, const SharedState<const LogMel>& state) {
      addMethod(handle, "compute", [state](const Napi::CallbackInfo& call) -> Napi::Value {
        return state->run(
            call.Env(),
            [samples = toVector<float>(call[0], "samples")](const LogMel& logMel) { return logMel.compute(samples); },
            fromFloats);
      });
      addMethod(handle, "driftFeatures", [state](const Napi::CallbackInfo& call) -> Napi::Value {
        const auto starts = toVector<double>(call[1], "startSample");
        for (const double start : starts) requireStart(start);
        const int64_t clipSamples = toInteger(call[2], "clipSamples");
        requireClipSamples(clipSamples);
        return state->run(
            call.Env(),
            [samples = toVector<float>(call[0], "samples"), starts, clipSamples](const LogMel& logMel) {
              return driftFeatures(logMel, samples, starts, clipSamples);
            },
            fromFloats);
      });
    });
  });
}

}  // namespace autobird::addon
