/**
 * autobird turns folders of recordings into a bird-sound classifier. The table of contents, in the order of the work:
 * recordings → dataset → training → evaluation → prediction.
 */

// What everything is called, and what can go wrong.

export * from '../bindings/errors.ts';
export type * from './domain.ts';

// Settings: composed as Hydra does, from the files in configs/ and overrides.

export { ConfigError } from './config/ConfigError.ts';
export type { ConfigInput, ConfigSource } from './config/completeConfig.ts';
export { type ComposedConfig, type ComposeOptions, composeConfig } from './config/compose.ts';
export type {
  AugmentConfig,
  ClipsConfig,
  Config,
  DataConfig,
  DriftConfig,
  EvaluationConfig,
  FeaturesConfig,
  Groups,
  ModelConfig,
  OptimizerConfig,
  PredictConfig,
  RunConfig,
  SchedulerConfig,
  ServiceConfig,
  SplitConfig,
  TrainingConfig,
} from './config/schema.ts';

// Recordings become a dataset.

export { Dataset } from './data/dataset.ts';
export { type ListedDataset, listDatasets } from './data/listDatasets.ts';
export { type PrepareOptions, prepare } from './data/prepare.ts';
export { type SynthesizedSet, type SynthesizeOptions, synthesize } from './data/synthesize.ts';

// A dataset becomes a model.

export { type ListedRun, listRuns, openRun } from './run/listRuns.ts';
export { Run } from './run/Run.ts';
export { type RunSummary, summarizeRun } from './run/summarizeRun.ts';
export type {
  TrainingEnded,
  TrainingListener,
  TrainingStarted,
  TrainingStep,
} from './training/TrainingListener.ts';
export { type TrainOptions, train } from './training/train.ts';
export type { TrainingLength } from './training/trainingLength.ts';

// How good is it?

export { type EvaluateOptions, evaluate } from './evaluation/evaluate.ts';
export type { Crossval } from './reports/crossvalReport.ts';
export type { Report } from './reports/report.ts';
export { type CrossvalOptions, crossval } from './study/crossval.ts';

// What is in a recording?

export { Classifier } from './prediction/Classifier.ts';
export type {
  Batching,
  ClassifierOptions,
  Embedding,
  PredictFilesOptions,
  PredictionLimits,
  PredictOptions,
  PredictStreamOptions,
  RecordingPrediction,
} from './prediction/options.ts';
export type { PcmFormat } from './prediction/readable.ts';

// Do recordings still sound like those it was trained on?

export { type DriftRow, DriftRows } from './drift/DriftRows.ts';
export { type DriftOptions, type DriftResult, detectDrift } from './drift/detectDrift.ts';
export { type DriftSide, type ReadSideOptions, readSide } from './drift/readSide.ts';

// A checkpoint from inside.

export type { Checkpoint } from './checkpoint/Checkpoint.ts';
export type { CheckpointMetadata, EpochRecord } from './checkpoint/metadata.ts';
export { readCheckpoint } from './checkpoint/readCheckpoint.ts';

// What the machine can do.

export { runtimeInfo } from '../bindings/index.ts';
export type { Device, Precision, RuntimeInfo } from '../bindings/native.ts';

// Kept inside: decoders, features, shards and the native handles (what Classifier, prepare and train are made of), and the
// command line, whose commands are these functions with words around them. What services need beside this is in service.ts.
