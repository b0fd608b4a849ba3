// WAV in all the forms that recorders and editors write: RIFF, RIFX, RF64, BW64; PCM of 8 to 32 bits, float, A-law, mu-law;
// chunks in any order. What it says about its length is compared with the bytes that are there. Gaps that AudioMoth's trigger left
// out are expanded (audiomoth.h).
#pragma once

#include <memory>

#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"

namespace autobird {

/// Throws not_audio, no_samples, unreadable, unsupported_codec (a codec for FFmpeg), too_many_channels, bad_rate, too_long; reading throws no_such_channel, too_long.
std::unique_ptr<Decoder> openWav(std::unique_ptr<ByteSource> source, const DecodeOptions& options);

}  // namespace autobird
