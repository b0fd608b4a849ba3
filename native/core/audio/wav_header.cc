#include "core/audio/wav_header.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>
#include <vector>

#include "core/audio/wav_tags.h"
#include "core/error.h"

namespace autobird {

namespace {

constexpr uint32_t unknownSize = 0xFFFFFFFF;
constexpr int maxChunks = 4096;
constexpr size_t maxTagBytes = 1 << 16;

/// Little-endian numbers, or big-endian ones (RIFX).
struct Numbers {
  const uint8_t* at;
  bool bigEndian;
  uint64_t read(size_t offset, int bytes) const {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value |= static_cast<uint64_t>(at[offset + i]) << 8 * (bigEndian ? bytes - 1 - i : i);
    return value;
  }
};

struct Format {
  unsigned tag = 0;
  int64_t channels = 0;
  int64_t rate = 0;
  int64_t blockAlign = 0;
  int64_t bits = 0;
};

bool looksLikeChunkId(const uint8_t* id) {
  return std::all_of(id, id + 4, [](uint8_t c) { return std::isalnum(c) || c == ' ' || c == '_' || c == '-'; });
}

/// A data chunk of size 0 is either really empty, followed by whole chunks up to the end, or of a writer that never came
/// back to fill in the size, followed by samples.
bool chunksUntilTheEnd(ByteSource& source, uint64_t offset, bool bigEndian) {
  const uint64_t end = source.size();
  for (int i = 0; i < maxChunks && offset < end; ++i) {
    uint8_t head[8];
    if (source.readAt(offset, head, 8) < 8 || !looksLikeChunkId(head)) return false;
    const uint64_t size = Numbers{head, bigEndian}.read(4, 4);
    offset += 8 + size + size % 2;
  }
  return offset == end || offset == end + 1;
}

std::string codecName(const Format& f) {
  switch (f.tag) {
    case 0x0002:
    case 0x0011:
      return "ADPCM";
    case 0x0050:
    case 0x0055:
      return "MPEG audio";
    default: {
      char text[32];
      std::snprintf(text, sizeof text, "format 0x%04x", f.tag);
      return std::string(text) + " with " + std::to_string(f.bits) + " bits";
    }
  }
}

/// Container bytes of a sample decide, not its valid bits: those are left-justified.
void interpret(const Format& f, WavHeader& header) {
  int64_t bytes = (f.bits + 7) / 8;
  if (f.channels > 0 && f.blockAlign > 0 && f.blockAlign % f.channels == 0 && f.blockAlign / f.channels >= bytes) {
    bytes = f.blockAlign / f.channels;
  }
  const auto set = [&](WavSample sample, const char* codec) {
    header.sample = sample;
    header.info.codec = codec;
    header.frameBytes = static_cast<int>(bytes * f.channels);
  };
  if (f.tag == 1 && bytes == 1) return set(WavSample::u8, "pcm_u8");
  if (f.tag == 1 && bytes == 2) return set(WavSample::s16, "pcm_s16");
  if (f.tag == 1 && bytes == 3) return set(WavSample::s24, "pcm_s24");
  if (f.tag == 1 && bytes == 4) return set(WavSample::s32, "pcm_s32");
  if (f.tag == 3 && bytes == 4) return set(WavSample::f32, "pcm_f32");
  if (f.tag == 3 && bytes == 8) return set(WavSample::f64, "pcm_f64");
  if (f.tag == 6 && bytes == 1) return set(WavSample::alaw, "pcm_alaw");
  if (f.tag == 7 && bytes == 1) return set(WavSample::mulaw, "pcm_mulaw");
  throw Error("unsupported_codec",
              "The WAV file holds " + codecName(f) + ", which needs FFmpeg: install FFmpeg or convert the file to PCM");
}

}  // namespace

WavHeader readWavHeader(ByteSource& source, const DecodeLimits& limits) {
  uint8_t head[12];
  const uint64_t size = source.size();
  const bool whole = source.readAt(0, head, 12) == 12;
  const auto starts = [&](const char* id) { return std::memcmp(head, id, 4) == 0; };
  if (!whole || std::memcmp(head + 8, "WAVE", 4) != 0 ||
      !(starts("RIFF") || starts("RIFX") || starts("RF64") || starts("BW64"))) {
    throw Error("not_audio",
                "The file does not begin like a WAV file: it is of another kind, or its first bytes are lost");
  }

  WavHeader header;
  header.bigEndian = starts("RIFX");
  header.info.container = starts("RF64") || starts("BW64") ? "rf64" : "wav";
  std::optional<Format> format;
  std::optional<uint64_t> dataOffset;
  uint64_t declared = 0;   // bytes of the data chunk
  bool openEnded = false;  // the writer did not know them
  uint64_t size64 = 0;     // from ds64

  uint64_t offset = 12;
  for (int chunk = 0; chunk < maxChunks && offset + 8 <= size; ++chunk) {
    uint8_t id[8];
    if (source.readAt(offset, id, 8) < 8) break;
    const auto is = [&](const char* name) { return std::memcmp(id, name, 4) == 0; };
    uint64_t bytes = Numbers{id, header.bigEndian}.read(4, 4);
    const uint64_t body = offset + 8;
    const uint64_t there = size - body;

    if (is("data") && !dataOffset) {
      dataOffset = body;
      if (bytes == unknownSize && size64 != 0) bytes = size64;
      declared = bytes;
      openEnded =
          bytes == unknownSize || (bytes == 0 && there > 0 && !chunksUntilTheEnd(source, body, header.bigEndian));
      if (openEnded) {
        declared = there;
        break;
      }
    } else if (is("fmt ") || is("ds64") || is("LIST") || is("bext") || is("guan")) {
      const size_t wanted = is("fmt ") ? 40 : is("ds64") ? 28 : maxTagBytes;
      std::vector<uint8_t> content(std::min<uint64_t>({bytes, there, wanted}));
      content.resize(source.readAt(body, content.data(), content.size()));
      const Numbers number{content.data(), header.bigEndian};
      if (is("fmt ") && content.size() >= 16 && !format) {
        format = Format{static_cast<unsigned>(number.read(0, 2)), static_cast<int64_t>(number.read(2, 2)),
                        static_cast<int64_t>(number.read(4, 4)), static_cast<int64_t>(number.read(12, 2)),
                        static_cast<int64_t>(number.read(14, 2))};
        // WAVE_FORMAT_EXTENSIBLE: the real format is the beginning of the sub-format's GUID.
        if (format->tag == 0xFFFE && content.size() >= 26) format->tag = static_cast<unsigned>(number.read(24, 2));
      } else if (is("ds64") && content.size() >= 16) {
        size64 = number.read(8, 8);
      } else if (is("LIST")) {
        readInfoTags(content, header.bigEndian, header.info.tags);
      } else if (is("bext")) {
        readBextTags(content, header.info.tags);
      } else if (is("guan")) {
        readGuanoTags(content, header.info.tags);
      }
    }
    if (bytes > there) break;
    offset = body + bytes + bytes % 2;
  }

  if (!format) throw Error("unreadable", "The WAV file has no format chunk: its header is damaged");
  interpret(*format, header);
  checkLimits(limits, format->channels, static_cast<double>(format->rate));
  header.info.channels = static_cast<int>(format->channels);
  header.info.sampleRateHz = static_cast<double>(format->rate);
  if (!dataOffset) throw Error("no_samples", "The WAV file ends before its samples: it was cut off, copy it again");

  const auto frameBytes = static_cast<uint64_t>(header.frameBytes);
  const uint64_t there = size - *dataOffset;
  header.dataOffset = *dataOffset;
  header.dataBytes = std::min(declared, there) / frameBytes * frameBytes;
  header.truncated = declared > there;
  if (!openEnded) {
    header.info.declaredDurationS = static_cast<double>(declared / frameBytes) / header.info.sampleRateHz;
  }
  if (header.dataBytes == 0)
    throw Error("no_samples", "The WAV file has a header but no samples: record or copy it again");
  if (static_cast<double>(header.dataBytes / frameBytes) > limits.maxDurationS * header.info.sampleRateHz)
    throwTooLong(limits);
  return header;
}

}  // namespace autobird
