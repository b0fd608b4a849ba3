#include "core/audio/wav.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/audio/audiomoth.h"
#include "core/audio/channel_mixer.h"
#include "core/audio/wav_header.h"

namespace autobird {

namespace {

constexpr size_t maxReadBytes = 1 << 20;

int sampleBytes(WavSample sample) {
  switch (sample) {
    case WavSample::u8:
    case WavSample::alaw:
    case WavSample::mulaw:
      return 1;
    case WavSample::s16:
      return 2;
    case WavSample::s24:
      return 3;
    case WavSample::s32:
    case WavSample::f32:
      return 4;
    case WavSample::f64:
      return 8;
  }
  return 0;
}

/// ITU-T G.711, as 16-bit samples / 32768.
float decodeAlaw(uint8_t code) {
  code ^= 0x55;
  int value = (code & 0x0F) << 4;
  const int segment = (code & 0x70) >> 4;
  value += segment == 0 ? 8 : 0x108;
  if (segment > 1) value <<= segment - 1;
  return static_cast<float>(code & 0x80 ? value : -value) / 32768.0f;
}

float decodeMulaw(uint8_t code) {
  code = static_cast<uint8_t>(~code);
  const int value = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4);
  return static_cast<float>(code & 0x80 ? 0x84 - value : value - 0x84) / 32768.0f;
}

using Table = std::array<float, 256>;

template <float (*Decode)(uint8_t)>
const Table& table() {
  static const Table values = [] {
    Table made;
    for (int i = 0; i < 256; ++i) made[i] = Decode(static_cast<uint8_t>(i));
    return made;
  }();
  return values;
}

template <class Unsigned>
Unsigned loadBits(const uint8_t* bytes) {
  Unsigned value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// Samples that lie in little-endian order (big-endian ones are turned round before) to full scale 1.
void toFloat(WavSample sample, const uint8_t* bytes, size_t count, float* out) {
  static_assert(std::endian::native == std::endian::little);
  switch (sample) {
    case WavSample::u8:
      for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(static_cast<int>(bytes[i]) - 128) / 128.0f;
      return;
    case WavSample::s16:
      for (size_t i = 0; i < count; ++i) {
        out[i] = static_cast<float>(static_cast<int16_t>(loadBits<uint16_t>(bytes + 2 * i))) / 32768.0f;
      }
      return;
    case WavSample::s24:
      for (size_t i = 0; i < count; ++i) {
        const uint8_t* b = bytes + 3 * i;
        const auto high = static_cast<int32_t>(static_cast<uint32_t>(b[0]) << 8 | static_cast<uint32_t>(b[1]) << 16 |
                                               static_cast<uint32_t>(b[2]) << 24);
        out[i] = static_cast<float>(high) / 2147483648.0f;
      }
      return;
    case WavSample::s32:
      for (size_t i = 0; i < count; ++i) {
        out[i] = static_cast<float>(static_cast<int32_t>(loadBits<uint32_t>(bytes + 4 * i))) / 2147483648.0f;
      }
      return;
    case WavSample::f32:
      std::memcpy(out, bytes, 4 * count);
      return;
    case WavSample::f64:
      for (size_t i = 0; i < count; ++i) {
        const auto value = std::bit_cast<double>(loadBits<uint64_t>(bytes + 8 * i));
        // A double beyond float's range must not become undefined: it is damaged either way.
        out[i] = value > -1e30 && value < 1e30 ? static_cast<float>(value) : 1e30f;
      }
      return;
    case WavSample::alaw:
      for (size_t i = 0; i < count; ++i) out[i] = table<decodeAlaw>()[bytes[i]];
      return;
    case WavSample::mulaw:
      for (size_t i = 0; i < count; ++i) out[i] = table<decodeMulaw>()[bytes[i]];
      return;
  }
}

class WavDecoder : public Decoder {
 public:
  WavDecoder(std::unique_ptr<ByteSource> source, WavHeader header, const DecodeOptions& options)
      : source_(std::move(source)),
        header_(std::move(header)),
        limits_(options.limits),
        mixer_(options.channel, header_.info.sampleRateHz) {
    truncated_ = header_.truncated;
    mayHaveGaps_ = header_.sample == WavSample::s16 && header_.info.channels == 1 && !header_.bigEndian;
    const double most = limits_.maxDurationS * header_.info.sampleRateHz;
    mostSamples_ = most < 9e15 ? static_cast<uint64_t>(most) : UINT64_MAX;
    for (const WavStretch& stretch : header_.stretches) samples_ += stretch.bytes / frameBytes();
  }

  const DecoderInfo& info() const override { return header_.info; }
  int64_t damaged() const override { return damaged_; }
  bool truncated() const override { return truncated_; }

  std::vector<std::string> notes() const override {
    std::vector<std::string> notes = header_.notes;
    if (gaps_ > 0) {
      notes.push_back("an AudioMoth's trigger left out " + std::to_string(gaps_) +
                      (gaps_ == 1 ? " gap of " : " gaps of ") +
                      secondsText(static_cast<double>(gapSamples_) / header_.info.sampleRateHz) +
                      (gaps_ == 1 ? "" : " in all") + ": filled with silence, so that times are right");
    }
    for (std::string& note : mixer_.notes()) notes.push_back(std::move(note));
    return notes;
  }
  int bestChannel() const override { return mixer_.best(); }

  bool read(size_t maxSamples, std::vector<float>& out) override {
    const size_t before = out.size();
    const size_t wanted = before + maxSamples;
    while (out.size() < wanted) {
      if (silence_ > 0) {
        const size_t zeros = std::min<uint64_t>(silence_, wanted - out.size());
        out.resize(out.size() + zeros, 0.0f);
        silence_ -= zeros;
      } else if (stretch_ == header_.stretches.size()) {
        break;
      } else if (header_.stretches[stretch_].bytes == done_) {
        ++stretch_;
        done_ = 0;
      } else {
        readFrames(wanted - out.size(), out);
      }
    }
    return out.size() > before;
  }

 private:
  size_t frameBytes() const { return static_cast<size_t>(header_.frameBytes); }

  /// Up to the next gap.
  void readFrames(size_t maxFrames, std::vector<float>& out) {
    const WavStretch& stretch = header_.stretches[stretch_];
    const uint64_t offset = stretch.offset + done_;
    const uint64_t left = stretch.bytes - done_;
    size_t bytes =
        std::min<uint64_t>({maxFrames, std::max<size_t>(1, maxReadBytes / frameBytes()), left / frameBytes()}) *
        frameBytes();
    // Sectors are looked at whole, so the last one may be more than is used now.
    const size_t toSectorEnd =
        mayHaveGaps_ ? (audioMothSectorBytes - (offset + bytes) % audioMothSectorBytes) % audioMothSectorBytes : 0;
    bytes_.resize(std::min<uint64_t>(bytes + toSectorEnd, left));
    const size_t got = source_->readAt(offset, bytes_.data(), bytes_.size());
    if (mayHaveGaps_) {
      for (size_t at = (audioMothSectorBytes - offset % audioMothSectorBytes) % audioMothSectorBytes;
           at < bytes && at + audioMothSectorBytes <= got; at += audioMothSectorBytes) {
        const uint64_t gap = audioMothGap(bytes_.data() + at);
        if (gap == 0) continue;
        if (at > 0) {
          bytes = at;
          break;
        }
        addGap(gap);
        return;
      }
    }
    const size_t frames = std::min(bytes, got) / frameBytes();
    append(frames, out);
    done_ += frames * frameBytes();
    if (frames * frameBytes() < bytes) {  // the file became shorter since it was opened
      truncated_ = true;
      stretch_ = header_.stretches.size();
    }
  }

  void addGap(uint64_t samples) {
    silence_ = samples;
    gapSamples_ += samples;
    ++gaps_;
    done_ += audioMothSectorBytes;
    if (samples_ - gaps_ * audioMothSectorBytes / 2 + gapSamples_ > mostSamples_) throwTooLong(limits_);
  }

  void append(size_t frames, std::vector<float>& out) {
    const size_t samples = frames * static_cast<size_t>(header_.info.channels);
    if (header_.bigEndian) {
      const int size = sampleBytes(header_.sample);
      for (size_t i = 0; i < samples; ++i) std::reverse(bytes_.data() + i * size, bytes_.data() + (i + 1) * size);
    }
    floats_.resize(samples);
    toFloat(header_.sample, bytes_.data(), samples, floats_.data());
    const size_t start = out.size();
    out.resize(start + frames);
    damaged_ +=
        static_cast<int64_t>(mixer_.interleaved(floats_.data(), frames, header_.info.channels, out.data() + start));
  }

  std::unique_ptr<ByteSource> source_;
  WavHeader header_;
  DecodeLimits limits_;
  ChannelMixer mixer_;
  size_t stretch_ = 0;  // that is read
  uint64_t done_ = 0;   // bytes of it
  bool mayHaveGaps_ = false;
  uint64_t samples_ = 0;  // in the file
  uint64_t mostSamples_ = 0;
  uint64_t silence_ = 0;  // still to be given
  uint64_t gapSamples_ = 0;
  uint64_t gaps_ = 0;
  std::vector<uint8_t> bytes_;
  std::vector<float> floats_;
  int64_t damaged_ = 0;
  bool truncated_ = false;
};

}  // namespace

std::unique_ptr<Decoder> openWav(std::unique_ptr<ByteSource> source, const DecodeOptions& options) {
  WavHeader header = readWavHeader(*source, options.limits);
  return std::make_unique<WavDecoder>(std::move(source), std::move(header), options);
}

}  // namespace autobird
