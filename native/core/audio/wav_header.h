// The header of a WAV file, read without trusting any length in it.
#pragma once

#include <cstdint>
#include <string>

#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"

namespace autobird {

enum class WavSample { u8, s16, s24, s32, f32, f64, alaw, mulaw };

struct WavHeader {
  DecoderInfo info;
  WavSample sample = WavSample::s16;
  bool bigEndian = false;
  int frameBytes = 0;  // of all channels
  uint64_t dataOffset = 0;
  uint64_t dataBytes = 0;  // those that are there, whole frames
  bool truncated = false;  // the header promised more
};

WavHeader readWavHeader(ByteSource& source, const DecodeLimits& limits);

}  // namespace autobird
