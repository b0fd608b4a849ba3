/**
 * The native side of autobird, typed. `load.ts`, `probe.ts`, `places.ts` and `remedies.ts` stay inside: they find and
 * load the addons for everything here; `native.ts` is their raw face, of which only the types go out.
 */

export type { CallOptions } from './abortable.ts';
export type { Spectrogram } from './audio.ts';
export {
  ChannelMixer,
  FfmpegDecoder,
  LogMel,
  RecordingEncoder,
  Resampler,
  WavDecoder,
} from './audio.ts';
export { Engine } from './Engine.ts';
export {
  AudioError,
  AutobirdError,
  DisposedError,
  expected,
  FormatError,
  InvalidArgumentError,
  NativeError,
  NativeLoadError,
} from './errors.ts';
export type {
  BatchPlan,
  ClipTable,
  DecodeLimits,
  DecoderInfo,
  Device,
  EngineOptions,
  EngineOutput,
  FeatureOptions,
  ModelOptions,
  NamedTensor,
  NormalisationStatistics,
  OptimizerOptions,
  Precision,
  RuntimeInfo,
  ShardEntry,
  StepOptions,
  StepResult,
  TensorDtype,
  TrainerOptions,
} from './native.ts';
export { releaseFreeMemory, runtimeInfo } from './runtime.ts';
export { type ClipLevels, ShardSet } from './ShardSet.ts';
export { Trainer } from './Trainer.ts';
