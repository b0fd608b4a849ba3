#include "audio/ffmpeg.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "audio/frame.h"
#include "core/audio/resample.h"
#include "core/error.h"

extern "C" {
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
}

namespace autobird {

namespace {

constexpr int ioBufferBytes = 1 << 16;
constexpr size_t largestAllocation = size_t{1} << 30;
constexpr int maxFailuresInARow = 4096;
// Containers of recordings. Playlists and the like, which name other files, are not among them.
constexpr const char* allowedFormats =
    "wav,w64,aiff,au,caf,mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,asf,avi,ac3,eac3,amr,amrnb,amrwb,ape,"
    "tta,"
    "wv,dsf,iff,voc,mpegts,mpeg,flv,xwma";

std::string describe(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

/// libav's structs, each freed by its own function.
struct Free {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

class FfmpegDecoder : public Decoder {
 public:
  FfmpegDecoder(std::unique_ptr<ByteSource> source, const DecodeOptions& options)
      : source_(std::move(source)), limits_(options.limits), channel_(options.channel) {
    openContainer();
    openCodec();
    describeFile();
    // The rate that counts is that of the first frame: AAC with band replication announces half of it.
    decodeSome();
    if (ready_.empty()) {
      if (damaged_ > 0) {
        throw Error("unreadable", "No packet of the " + info_.codec + " stream could be decoded: the file is damaged");
      }
      throw Error("no_samples", "The file has a header but no samples: record or copy it again");
    }
  }

  const DecoderInfo& info() const override { return info_; }
  int64_t damaged() const override { return damaged_; }
  bool truncated() const override { return truncated_; }
  std::vector<std::string> notes() const override { return mixer_->notes(); }
  int bestChannel() const override { return mixer_->best(); }
  void interrupt() override { interrupted_ = true; }

  bool read(size_t maxSamples, std::vector<float>& out) override {
    const size_t before = out.size();
    while (out.size() - before < maxSamples) {
      if (taken_ == ready_.size()) {
        ready_.clear();
        taken_ = 0;
        decodeSome();
        if (ready_.empty()) break;
      }
      const size_t count = std::min(maxSamples - (out.size() - before), ready_.size() - taken_);
      out.insert(out.end(), ready_.begin() + static_cast<ptrdiff_t>(taken_),
                 ready_.begin() + static_cast<ptrdiff_t>(taken_ + count));
      taken_ += count;
    }
    return out.size() > before;
  }

 private:
  static int readBytes(void* self, uint8_t* target, int count) {
    auto* decoder = static_cast<FfmpegDecoder*>(self);
    if (decoder->interrupted_) return AVERROR_EXIT;
    try {
      const size_t got = decoder->source_->readAt(decoder->position_, target, static_cast<size_t>(count));
      decoder->position_ += got;
      return got == 0 ? AVERROR_EOF : static_cast<int>(got);
    } catch (...) {
      return AVERROR(EIO);  // no exception may pass through C
    }
  }

  static int64_t seekBytes(void* self, int64_t offset, int whence) {
    auto* decoder = static_cast<FfmpegDecoder*>(self);
    const auto size = static_cast<int64_t>(decoder->source_->size());
    if (whence & AVSEEK_SIZE) return size;
    const int origin = whence & ~AVSEEK_FORCE;
    const int64_t target = origin == SEEK_END   ? size + offset
                           : origin == SEEK_CUR ? static_cast<int64_t>(decoder->position_) + offset
                                                : offset;
    if (target < 0) return AVERROR(EINVAL);
    decoder->position_ = static_cast<uint64_t>(target);
    return target;
  }

  static int interruptedNow(void* self) { return static_cast<FfmpegDecoder*>(self)->interrupted_; }

  static int refuseToOpen(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); }

  void openContainer() {
    auto* buffer = static_cast<uint8_t*>(av_malloc(ioBufferBytes));
    if (buffer == nullptr) throw std::bad_alloc();
    io_.reset(avio_alloc_context(buffer, ioBufferBytes, 0, this, readBytes, nullptr, seekBytes));
    AVFormatContext* context = avformat_alloc_context();
    if (io_ == nullptr || context == nullptr) throw std::bad_alloc();
    context->pb = io_.get();
    context->io_open = refuseToOpen;
    context->interrupt_callback = {interruptedNow, this};
    AVDictionary* options = nullptr;
    av_dict_set(&options, "format_whitelist", allowedFormats, 0);
    // On failure avformat_open_input frees the context itself.
    const int opened = avformat_open_input(&context, nullptr, nullptr, &options);
    av_dict_free(&options);
    if (opened < 0) {
      stopIfInterrupted();
      throw Error("not_audio", "FFmpeg does not recognise the file as audio (" + describe(opened) +
                                   "): it is of another kind, or its beginning is lost");
    }
    format_.reset(context);
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
      if (format_->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_AUDIO) format_->streams[i]->discard = AVDISCARD_ALL;
    }
    const int found = avformat_find_stream_info(format_.get(), nullptr);
    stopIfInterrupted();
    const int best = av_find_best_stream(format_.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
    if (best < 0) {
      if (found < 0)
        throw Error("unreadable", "The file's streams could not be read (" + describe(found) + "): it is damaged");
      throw Error("not_audio", "The file has no audio stream");
    }
    stream_ = format_->streams[best];
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
      if (format_->streams[i] != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
    }
  }

  void openCodec() {
    const AVCodecParameters& parameters = *stream_->codecpar;
    info_.codec = avcodec_get_name(parameters.codec_id);
    const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
    if (codec == nullptr) {
      throw Error("unsupported_codec",
                  "This FFmpeg has no decoder for " + info_.codec + ": convert the file to WAV or FLAC");
    }
    // 0 means not known yet: the first frame will tell, and is checked again.
    if (channelsOf(parameters) > 0 && parameters.sample_rate > 0) {
      checkLimits(limits_, channelsOf(parameters), parameters.sample_rate);
    }
    codec_.reset(avcodec_alloc_context3(codec));
    packet_.reset(av_packet_alloc());
    frame_.reset(av_frame_alloc());
    if (!codec_ || !packet_ || !frame_) throw std::bad_alloc();
    int status = avcodec_parameters_to_context(codec_.get(), &parameters);
    codec_->pkt_timebase = stream_->time_base;  // needed to trim priming and padding
    codec_->thread_count = 1;                   // callers decode files in parallel
    if (status >= 0) status = avcodec_open2(codec_.get(), codec, nullptr);
    if (status < 0) {
      throw Error("unreadable", "The " + info_.codec + " stream's header is damaged (" + describe(status) + ")");
    }
  }

  void describeFile() {
    info_.container = format_->iformat->name;
    if (stream_->duration != AV_NOPTS_VALUE) {
      info_.declaredDurationS = static_cast<double>(stream_->duration) * av_q2d(stream_->time_base);
    } else if (format_->duration != AV_NOPTS_VALUE) {
      info_.declaredDurationS = static_cast<double>(format_->duration) / AV_TIME_BASE;
    }
    // A duration guessed from the bit rate promises nothing.
    promisesDuration_ = format_->duration_estimation_method == AVFMT_DURATION_FROM_STREAM;
    for (AVDictionary* tags : {format_->metadata, stream_->metadata}) {
      const AVDictionaryEntry* entry = nullptr;
      while ((entry = av_dict_get(tags, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
        info_.tags.emplace_back(entry->key, entry->value);
      }
    }
  }

  void stopIfInterrupted() const {
    if (interrupted_) throw Error("aborted", "Decoding was stopped");
  }

  /// Fills `ready_` with at least one frame's samples unless the stream is over.
  void decodeSome() {
    while (ready_.empty() && !ended_) {
      stopIfInterrupted();
      const int status = avcodec_receive_frame(codec_.get(), frame_.get());
      if (status == 0) {
        failures_ = 0;
        takeFrame();
        av_frame_unref(frame_.get());
      } else if (status == AVERROR(EAGAIN)) {
        sendPacket();
      } else if (status == AVERROR_EOF) {
        end();
      } else {
        countFailure();
        if (draining_) end();
      }
    }
  }

  void sendPacket() {
    const int status = av_read_frame(format_.get(), packet_.get());
    stopIfInterrupted();
    if (status < 0) {
      // A damaged stretch of the container is skipped; anything else is the end of what can be had.
      if (status == AVERROR_INVALIDDATA && !draining_ && avio_feof(io_.get()) == 0) {
        countFailure();
        return;
      }
      if (status != AVERROR_EOF) truncated_ = true;
      draining_ = true;
      avcodec_send_packet(codec_.get(), nullptr);
      return;
    }
    if (packet_->stream_index == stream_->index) {
      const int sent = avcodec_send_packet(codec_.get(), packet_.get());
      if (sent < 0 && sent != AVERROR(EAGAIN)) countFailure();
    }
    av_packet_unref(packet_.get());
  }

  void countFailure() {
    ++damaged_;
    if (++failures_ > maxFailuresInARow) {
      truncated_ = true;
      end();
    }
  }

  void takeFrame() {
    const int channels = channelsOf(*frame_);
    if (info_.sampleRateHz == 0) {
      checkLimits(limits_, channels, frame_->sample_rate);
      info_.sampleRateHz = frame_->sample_rate;
      info_.channels = channels;
      mixer_.emplace(channel_, info_.sampleRateHz);
    }
    const double hz = frame_->sample_rate;
    if (channels > limits_.maxChannels || hz < minSampleRateHz || hz > limits_.maxSampleRateHz ||
        std::max(hz / info_.sampleRateHz, info_.sampleRateHz / hz) > 1000) {
      ++damaged_;
      return;
    }
    // MP3 files that were joined may change their rate on the way; the mean of other channels is still the mean.
    const bool changed = frame_->sample_rate != static_cast<int>(info_.sampleRateHz);
    if (!changed || frame_->sample_rate != otherHz_) endOtherRate();
    if (changed && !other_) {
      other_.emplace(frame_->sample_rate, static_cast<int64_t>(info_.sampleRateHz));
      otherHz_ = frame_->sample_rate;
    }
    otherSamples_.clear();
    std::vector<float>& mono = changed ? otherSamples_ : ready_;
    const size_t before = ready_.size();
    const long wrong = appendMono(*frame_, *mixer_, scratch_, mono);
    if (wrong < 0)
      throw Error("unsupported_codec", "The decoder of " + info_.codec + " gives an unknown sample format");
    if (wrong > 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0) ++damaged_;
    if (changed) other_->push(mono.data(), mono.size(), ready_);
    decoded_ += static_cast<int64_t>(ready_.size() - before);
    if (static_cast<double>(decoded_) > limits_.maxDurationS * info_.sampleRateHz) throwTooLong(limits_);
  }

  /// What the resampler of another rate still holds.
  void endOtherRate() {
    if (!other_) return;
    const size_t before = ready_.size();
    other_->flush(ready_);
    decoded_ += static_cast<int64_t>(ready_.size() - before);
    other_.reset();
  }

  void end() {
    ended_ = true;
    endOtherRate();
    if (!promisesDuration_ || !info_.declaredDurationS || info_.sampleRateHz == 0) return;
    // Lost packets are missing for another reason, each at most about 0.15 s long.
    const double missing = *info_.declaredDurationS - static_cast<double>(decoded_) / info_.sampleRateHz;
    if (missing > 0.25 + 0.15 * static_cast<double>(damaged_)) truncated_ = true;
  }

  std::unique_ptr<ByteSource> source_;
  DecodeLimits limits_;
  int channel_;
  std::optional<ChannelMixer> mixer_;  // since the first frame, so since it was opened
  uint64_t position_ = 0;
  std::atomic<bool> interrupted_{false};
  Owned<AVIOContext> io_;  // outlives the container, which reads through it
  Owned<AVFormatContext> format_;
  Owned<AVCodecContext> codec_;
  Owned<AVPacket> packet_;
  Owned<AVFrame> frame_;
  AVStream* stream_ = nullptr;
  DecoderInfo info_;
  FrameScratch scratch_;
  int otherHz_ = 0;                 // of the frames now, where it is not that of the recording
  std::optional<Resampler> other_;  // from it
  std::vector<float> otherSamples_;
  std::vector<float> ready_;
  size_t taken_ = 0;
  int64_t decoded_ = 0;
  int64_t damaged_ = 0;
  int failures_ = 0;
  bool promisesDuration_ = false;
  bool draining_ = false;
  bool ended_ = false;
  bool truncated_ = false;
};

}  // namespace

std::string ffmpegVersion() {
  const unsigned version = avcodec_version();
  char text[96];
  std::snprintf(text, sizeof text, "%s (libavcodec %u.%u.%u)", av_version_info(), AV_VERSION_MAJOR(version),
                AV_VERSION_MINOR(version), AV_VERSION_MICRO(version));
  return text;
}

void prepareFfmpeg() {
  av_log_set_level(AV_LOG_QUIET);
  av_max_alloc(largestAllocation);
}

std::unique_ptr<Decoder> openFfmpeg(std::unique_ptr<ByteSource> source, const DecodeOptions& options) {
  return std::make_unique<FfmpegDecoder>(std::move(source), options);
}

}  // namespace autobird
