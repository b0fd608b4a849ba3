// A decoded frame of any sample format as mono floats.
#pragma once

#include <cstddef>
#include <vector>

#include "core/audio/channel_mixer.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
}

namespace autobird {

/// FFmpeg 5.1 replaced the plain channel counts by AVChannelLayout, 7 removed them.
int channelsOf(const AVFrame& frame);
int channelsOf(const AVCodecParameters& parameters);

struct FrameScratch {
  std::vector<float> samples;
  std::vector<const float*> planes;
};

/// Appends what `mixer` makes of the channels. Returns the number of damaged samples, or -1 for a sample format that is not known.
long appendMono(const AVFrame& frame, ChannelMixer& mixer, FrameScratch& scratch, std::vector<float>& out);

}  // namespace autobird
