// How much happens in a clip: the mean, over frames and over bands whose centre is above 430 Hz (wind and traffic are below),
// of max(0, log-mel - that band's median over the clip). Steady sound, however loud, gives about 0.3; a song gives more.
#pragma once

#include "core/features/log_mel.h"

namespace autobird {

/// `logMel`: (M, T) row-major, log(power + logOffset) without removal of the background.
/// `LogMel::finish` gives the same number without a second pass.
float clipActivity(const LogMel& features, const float* logMel, int frames);

/// Activity of each stretch of `framesPerStep` frames (the last may be shorter) against the medians of the whole (M, T).
/// out: ceil(frames / framesPerStep).
void activityProfile(const LogMel& features, const float* logMel, int frames, int framesPerStep, float* out);

constexpr double activityFloorHz = 430;

}  // namespace autobird
