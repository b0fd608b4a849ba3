// A recording on its way from bytes to samples: what happens on the decoder's thread. No JavaScript in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/recording_encoder.h"
#include "core/audio/decoder.h"
#include "core/audio/resample.h"
#include "core/error.h"

namespace autobird::addon {

struct DecodingProgress {
  int64_t decodedSamples = 0;  // of the source, at its own rate
  bool ended = false;          // it was read to its end
  int64_t damaged = 0;
  bool truncated = false;
  std::vector<std::string> notes;  // see Decoder
  int bestChannel = 1;
};

/// Megabytes, which go when the decoder was disposed and its last job has ended, not with the handle, which V8 keeps until it
/// happens to collect garbage.
class Decoding {
 public:
  /// `throwIfStopped` is called between blocks.
  Decoding(std::unique_ptr<Decoder> decoder, std::function<void()> throwIfStopped)
      : decoder_(std::move(decoder)), throwIfStopped_(std::move(throwIfStopped)) {}

  const DecoderInfo& info() const { return decoder_->info(); }
  void interrupt() {
    if (decoder_) decoder_->interrupt();
  }

  /// Lets go of bytes, tables and buffers: nothing is left to read.
  void release() {
    progress_ = progress();
    decoder_.reset();
    resampler_.reset();
  }

  DecodingProgress progress() const {
    DecodingProgress progress = progress_;
    if (!decoder_) return progress;
    progress.damaged = decoder_->damaged();
    progress.truncated = decoder_->truncated();
    progress.notes = decoder_->notes();
    progress.bestChannel = decoder_->bestChannel();
    return progress;
  }

  /// At the source's rate; empty at the end.
  std::vector<float> read(size_t wanted) {
    std::vector<float> samples;
    while (samples.size() < wanted && readBlock(wanted - samples.size(), samples)) {
    }
    return samples;
  }

  /// Resampled, at least `wanted` but at the end; empty after it.
  std::vector<float> readAt(int64_t targetHz, size_t wanted) {
    std::vector<float> samples;
    if (progress_.ended) return samples;
    readsAt(targetHz);
    if (sourceHz() != targetHz && !resampler_) resampler_.emplace(sourceHz(), targetHz);
    std::vector<float> block;
    while (!progress_.ended && samples.size() < wanted) {
      std::vector<float>& read = resampler_ ? block : samples;
      block.clear();
      readBlock(1 << 16, read);
      if (!resampler_) continue;
      if (progress_.ended) {
        resampler_->flush(samples);
      } else {
        resampler_->push(block.data(), block.size(), samples);
      }
    }
    return samples;
  }

  /// As a shard holds it, at least `stretchSamples` but at the end.
  EncodedStretch encode(int64_t targetHz, int64_t blockSamples, size_t stretchSamples) {
    if (!decoder_) throw invalidArgument("The recording was read to its end already: open it again");
    readsAt(targetHz);
    if (!encoder_) encoder_.emplace(sourceHz(), targetHz, blockSamples);
    std::vector<float> samples;
    while (encoder_->ready() < stretchSamples) {
      samples.clear();
      if (!readBlock(1 << 16, samples)) return encoder_->finish();
      encoder_->push(samples);
    }
    return encoder_->take();
  }

 private:
  int64_t sourceHz() const { return static_cast<int64_t>(decoder_->info().sampleRateHz); }

  bool readBlock(size_t wanted, std::vector<float>& samples) {
    throwIfStopped_();
    const size_t before = samples.size();
    progress_.ended = !decoder_ || !decoder_->read(std::min<size_t>(wanted, 1 << 16), samples);
    progress_.decodedSamples += static_cast<int64_t>(samples.size() - before);
    return !progress_.ended;
  }

  /// Throws invalid_argument for a second rate.
  void readsAt(int64_t targetHz) {
    if (targetHz_ == 0) targetHz_ = targetHz;
    if (targetHz_ == targetHz) return;
    throw invalidArgument("The recording is already read at " + std::to_string(targetHz_) +
                          " Hz: open it again to read it at " + std::to_string(targetHz) + " Hz");
  }

  std::unique_ptr<Decoder> decoder_;
  std::function<void()> throwIfStopped_;
  DecodingProgress progress_;
  int64_t targetHz_ = 0;  // 0 until the first call names it
  std::optional<HashingEncoder> encoder_;
  std::optional<Resampler> resampler_;
};

}  // namespace autobird::addon
