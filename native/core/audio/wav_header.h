// The header of a WAV file, read without trusting any length in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"

namespace autobird {

enum class WavSample { u8, s16, s24, s32, f32, f64, alaw, mulaw };

/// Samples that lie behind one another in the file.
struct WavStretch {
  uint64_t offset = 0;
  uint64_t bytes = 0;  // whole frames that are there
};

struct WavHeader {
  DecoderInfo info;
  WavSample sample = WavSample::s16;
  bool bigEndian = false;
  int frameBytes = 0;                 // of all channels
  std::vector<WavStretch> stretches;  // one, but for files with several data chunks
  bool truncated = false;             // the header promised more
  std::vector<std::string> notes;     // see Decoder
};

WavHeader readWavHeader(ByteSource& source, const DecodeLimits& limits);

}  // namespace autobird
