#include "audio/frame.h"

namespace autobird {

#define AUTOBIRD_CHANNEL_LAYOUT (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100))

int channelsOf(const AVFrame& frame) {
#if AUTOBIRD_CHANNEL_LAYOUT
  return frame.ch_layout.nb_channels;
#else
  return frame.channels;
#endif
}

int channelsOf(const AVCodecParameters& parameters) {
#if AUTOBIRD_CHANNEL_LAYOUT
  return parameters.ch_layout.nb_channels;
#else
  return parameters.channels;
#endif
}

namespace {

float fullScale(uint8_t value) { return static_cast<float>(static_cast<int>(value) - 128) / 128.0f; }
float fullScale(int16_t value) { return static_cast<float>(value) / 32768.0f; }
float fullScale(int32_t value) { return static_cast<float>(value) / 2147483648.0f; }
float fullScale(int64_t value) { return static_cast<float>(static_cast<double>(value) / 9223372036854775808.0); }
float fullScale(float value) { return value; }
// Beyond float's range the conversion is undefined; downmix counts such a sample as damaged either way.
float fullScale(double value) { return value > -1e30 && value < 1e30 ? static_cast<float>(value) : 1e30f; }

template <class Sample>
void convert(const uint8_t* data, size_t count, float* out) {
  const auto* samples = reinterpret_cast<const Sample*>(data);
  for (size_t i = 0; i < count; ++i) out[i] = fullScale(samples[i]);
}

using Convert = void (*)(const uint8_t*, size_t, float*);

Convert converterOf(AVSampleFormat format) {
  switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
      return convert<uint8_t>;
    case AV_SAMPLE_FMT_S16:
      return convert<int16_t>;
    case AV_SAMPLE_FMT_S32:
      return convert<int32_t>;
    case AV_SAMPLE_FMT_S64:
      return convert<int64_t>;
    case AV_SAMPLE_FMT_FLT:
      return convert<float>;
    case AV_SAMPLE_FMT_DBL:
      return convert<double>;
    default:
      return nullptr;
  }
}

}  // namespace

long appendMono(const AVFrame& frame, ChannelMixer& mixer, FrameScratch& scratch, std::vector<float>& out) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const Convert convert = converterOf(format);
  const int channels = channelsOf(frame);
  if (convert == nullptr || channels < 1) return -1;
  const auto frames = static_cast<size_t>(frame.nb_samples);
  scratch.samples.resize(frames * channels);
  const size_t start = out.size();
  out.resize(start + frames);
  if (av_sample_fmt_is_planar(format) == 0) {
    convert(frame.data[0], frames * channels, scratch.samples.data());
    return static_cast<long>(mixer.interleaved(scratch.samples.data(), frames, channels, out.data() + start));
  }
  scratch.planes.clear();
  for (int c = 0; c < channels; ++c) {
    float* plane = scratch.samples.data() + c * frames;
    convert(frame.extended_data[c], frames, plane);
    scratch.planes.push_back(plane);
  }
  return static_cast<long>(mixer.planar(scratch.planes.data(), frames, channels, out.data() + start));
}

}  // namespace autobird
