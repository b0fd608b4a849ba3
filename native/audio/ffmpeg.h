// Decoding by FFmpeg's libraries: demuxer and decoder are theirs; bytes come from our own source (so that no file can make
// them open another one), and conversion to float and the downmix are ours.
#pragma once

#include <memory>

#include "core/audio/byte_source.h"
#include "core/audio/decoder.h"

namespace autobird {

/// The version string of libavcodec as loaded.
std::string ffmpegVersion();

/// Silences libav's log and bounds its single allocations; once a process.
void prepareFfmpeg();

/// Throws not_audio, no_samples, unreadable, unsupported_codec, too_many_channels, bad_rate, no_such_channel; reading throws too_long.
std::unique_ptr<Decoder> openFfmpeg(std::unique_ptr<ByteSource> source, const DecodeOptions& options);

}  // namespace autobird
