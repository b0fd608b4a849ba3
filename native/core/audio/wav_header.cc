#include "core/audio/wav_header.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>
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
  bool operator==(const Format&) const = default;
};

bool looksLikeChunkId(const uint8_t* id) {
  return std::all_of(id, id + 4, [](uint8_t c) { return std::isalnum(c) || c == ' ' || c == '_' || c == '-'; });
}

/// Where the chunk after this one begins. Some writers leave out the padding of an odd one.
uint64_t behindChunk(ByteSource& source, uint64_t body, uint64_t bytes) {
  const uint64_t end = body + bytes;
  uint8_t id[5];
  const bool unpadded =
      bytes % 2 == 1 && source.readAt(end, id, 5) == 5 && looksLikeChunkId(id) && !looksLikeChunkId(id + 1);
  return end + (unpadded ? 0 : bytes % 2);
}

bool chunksUntilTheEnd(ByteSource& source, uint64_t offset, bool bigEndian) {
  const uint64_t end = source.size();
  for (int i = 0; i < maxChunks && offset < end; ++i) {
    uint8_t head[8];
    if (source.readAt(offset, head, 8) < 8 || !looksLikeChunkId(head)) return false;
    offset = behindChunk(source, offset + 8, Numbers{head, bigEndian}.read(4, 4));
  }
  return offset == end || offset == end + 1;
}

bool zerosUntilTheEnd(ByteSource& source, uint64_t offset) {
  std::vector<uint8_t> block(1 << 16);
  while (const size_t got = source.readAt(offset, block.data(), block.size())) {
    if (std::any_of(block.begin(), block.begin() + static_cast<ptrdiff_t>(got),
                    [](uint8_t byte) { return byte != 0; })) {
      return false;
    }
    offset += got;
  }
  return true;
}

/// Whether samples may end here: chunks follow (the last may be cut off), a tag, room that was reserved, or too little to be sound.
bool mayEndAt(ByteSource& source, uint64_t offset, bool bigEndian) {
  uint8_t head[8];
  if (source.readAt(offset, head, 8) < 8) return true;
  for (const char* known :
       {"LIST", "bext", "guan", "id3 ", "ID3 ", "fact", "cue ", "smpl", "afsp", "APETAGEX", "TAG", "ID3"}) {
    if (std::memcmp(head, known, std::strlen(known)) == 0) return true;
  }
  return chunksUntilTheEnd(source, offset, bigEndian) || zerosUntilTheEnd(source, offset);
}

/// How far the samples of a data chunk go.
struct DataExtent {
  enum class Size { right, open, unfilled, wrapped, wrong } size = Size::right;
  uint64_t bytes = 0;  // may be more than there are, where the size is right
};

/// `declared`: what the chunk says, or ds64 for it.
DataExtent extentOf(ByteSource& source, uint64_t body, uint64_t declared, bool bigEndian) {
  using Size = DataExtent::Size;
  const uint64_t there = source.size() - body;
  if (declared == unknownSize) return {Size::open, there};
  if (declared >= there) return {Size::right, declared};
  // A size of 0 is either right, or of a writer that never came back to fill it in.
  if (declared == 0) {
    return chunksUntilTheEnd(source, body, bigEndian) ? DataExtent{Size::right, 0} : DataExtent{Size::unfilled, there};
  }
  if (mayEndAt(source, behindChunk(source, body, declared), bigEndian)) return {Size::right, declared};
  // 32 bits count to 4 GiB only.
  for (uint64_t rounds = (there - declared) >> 32; rounds > 0; --rounds) {
    const uint64_t bytes = declared + (rounds << 32);
    if (mayEndAt(source, behindChunk(source, body, bytes), bigEndian)) return {Size::wrapped, bytes};
  }
  return {Size::wrong, there};
}

std::string codecName(const Format& f) {
  static constexpr std::pair<unsigned, const char*> names[] = {
      {0x02, "ADPCM"},      {0x11, "ADPCM"},          {0x31, "GSM"}, {0x45, "G.726"},  {0x50, "MPEG audio"},
      {0x55, "MPEG audio"}, {0x160, "Windows Media"}, {0xFF, "AAC"}, {0x2000, "AC-3"}, {0x5741, "WavPack"},
      {0xF1AC, "FLAC"}};
  for (const auto& [tag, name] : names) {
    if (tag == f.tag) return name;
  }
  char text[64];
  std::snprintf(text, sizeof text, "format 0x%04X with %lld bits", f.tag, static_cast<long long>(f.bits));
  return text;
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
  throw Error("unsupported_codec", "The WAV file holds " + codecName(f) + ", not PCM");
}

Format formatOf(const Numbers& number, size_t bytes) {
  Format format{static_cast<unsigned>(number.read(0, 2)), static_cast<int64_t>(number.read(2, 2)),
                static_cast<int64_t>(number.read(4, 4)), static_cast<int64_t>(number.read(12, 2)),
                static_cast<int64_t>(number.read(14, 2))};
  // WAVE_FORMAT_EXTENSIBLE: the real format is the beginning of the sub-format's GUID.
  if (format.tag == 0xFFFE && bytes >= 26) format.tag = static_cast<unsigned>(number.read(24, 2));
  return format;
}

/// What was found of the samples while the chunks were walked.
struct Found {
  std::vector<WavStretch> stretches;
  uint64_t declared = 0;  // bytes, of all data chunks
  bool openEnded = false;
  std::vector<DataExtent::Size> sizes;
};

std::vector<std::string> notesOf(const Found& found, double declaredS, double thereS) {
  using Size = DataExtent::Size;
  std::vector<std::string> notes;
  const auto any = [&](Size size) {
    return std::find(found.sizes.begin(), found.sizes.end(), size) != found.sizes.end();
  };
  if (any(Size::wrong) || any(Size::wrapped)) {
    notes.push_back("the header says " + secondsText(declaredS) + " of sound" +
                    (any(Size::wrapped) ? " because its size wrapped at 4 GiB" : "") + ", but there are " +
                    secondsText(thereS) + ": all of it is used");
  }
  if (any(Size::unfilled))
    notes.push_back("the header's length was never filled in: all sound up to the file's end is used");
  if (found.stretches.size() > 1) {
    notes.push_back("the sound lies in " + std::to_string(found.stretches.size()) +
                    " separate places of the file: they are used one after the other");
  }
  return notes;
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
  Found found;
  uint64_t size64 = 0;  // from ds64

  uint64_t offset = 12;
  for (int chunk = 0; chunk < maxChunks && offset + 8 <= size; ++chunk) {
    uint8_t id[8];
    if (source.readAt(offset, id, 8) < 8) break;
    const auto is = [&](const char* name) { return std::memcmp(id, name, 4) == 0; };
    uint64_t bytes = Numbers{id, header.bigEndian}.read(4, 4);
    const uint64_t body = offset + 8;
    const uint64_t there = size - body;

    if (is("RIFF") && !found.stretches.empty()) {  // another whole file was put behind this one
      offset = body + 4;
      continue;
    }
    if (is("data")) {
      if (bytes == unknownSize && size64 != 0) bytes = size64;
      const DataExtent extent = extentOf(source, body, bytes, header.bigEndian);
      found.declared += extent.size == DataExtent::Size::open ? there : bytes;
      found.openEnded |= extent.size == DataExtent::Size::open || extent.size == DataExtent::Size::unfilled;
      found.sizes.push_back(extent.size);
      bytes = extent.bytes;
      if (std::min(bytes, there) > 0) found.stretches.push_back({body, std::min(bytes, there)});
      header.truncated |= bytes > there;
    } else if (is("fmt ") || is("ds64") || is("LIST") || is("bext") || is("guan")) {
      const size_t wanted = is("fmt ") ? 40 : is("ds64") ? 28 : maxTagBytes;
      std::vector<uint8_t> content(std::min<uint64_t>({bytes, there, wanted}));
      content.resize(source.readAt(body, content.data(), content.size()));
      const Numbers number{content.data(), header.bigEndian};
      if (is("fmt ") && content.size() >= 16) {
        const Format read = formatOf(number, content.size());
        if (format && !(*format == read)) {
          header.notes.emplace_back("another recording with another format follows in the same file: it is left out");
          break;
        }
        format = read;
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
    offset = behindChunk(source, body, bytes);
  }

  if (!format) throw Error("unreadable", "The WAV file has no format chunk: its header is damaged");
  interpret(*format, header);
  checkLimits(limits, format->channels, static_cast<double>(format->rate));
  header.info.channels = static_cast<int>(format->channels);
  header.info.sampleRateHz = static_cast<double>(format->rate);
  if (found.sizes.empty())
    throw Error("no_samples", "The WAV file ends before its samples: it was cut off, copy it again");

  const auto frameBytes = static_cast<uint64_t>(header.frameBytes);
  const auto seconds = [&](uint64_t bytes) {
    return static_cast<double>(bytes / frameBytes) / header.info.sampleRateHz;
  };
  uint64_t total = 0;
  for (WavStretch stretch : found.stretches) {
    stretch.bytes = stretch.bytes / frameBytes * frameBytes;
    total += stretch.bytes;
    if (stretch.bytes > 0) header.stretches.push_back(stretch);
  }
  if (total == 0) throw Error("no_samples", "The WAV file has a header but no samples: record or copy it again");
  if (seconds(total) > limits.maxDurationS) throwTooLong(limits);
  const std::vector<std::string> notes = notesOf(found, seconds(found.declared), seconds(total));
  header.notes.insert(header.notes.begin(), notes.begin(), notes.end());
  if (!found.openEnded) header.info.declaredDurationS = seconds(std::max(found.declared, total));
  return header;
}

}  // namespace autobird
