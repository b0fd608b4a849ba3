/**
 * autobird turns folders of recordings into a bird-sound classifier. The table of contents, in the order of the work:
 * recordings → dataset → training → evaluation → prediction.
 */

// What everything is called, and what can go wrong.

export * from '../bindings/errors.ts';
export type * from './domain.ts';

// Settings: composed as Hydra does, from the files in configs/ and overrides.

export { ConfigError } from './config/ConfigError.ts';
export { type ComposedConfig, type ComposeOptions, composeConfig } from './config/compose.ts';
export type * from './config/schema.ts';
export { clientRoles } from './config/serviceSchema.ts';

// Recordings become a dataset.

export { Dataset } from './data/dataset.ts';
export { type PrepareOptions, prepare } from './data/prepare.ts';
export { type SynthesizedSet, type SynthesizeOptions, synthesize } from './data/synthesize.ts';

// A dataset becomes a model.

export { type ListedRun, listRuns, openRun } from './run/listRuns.ts';
export { Run } from './run/Run.ts';
export { epochToJson, type RunSummary, reportToJson, summarizeRun } from './run/summarizeRun.ts';
export { type TrainOptions, train } from './training/train.ts';

// How good is it?

export { type EvaluateOptions, evaluate } from './evaluation/evaluate.ts';
export type { Report } from './evaluation/report.ts';
export { type Crossval, type CrossvalOptions, crossval } from './study/crossval.ts';

// What does it hear?

export { type FormatContext, type OutputFormatName, outputFormats } from './formats/index.ts';
export { resultToJson } from './formats/json.ts';
export { timeAt } from './prediction/absoluteTime.ts';
export { Classifier } from './prediction/Classifier.ts';
export { findCheckpoint } from './prediction/findCheckpoint.ts';
export type {
  Batching,
  ClassifierOptions,
  Embedding,
  HeardPrediction,
  PredictFilesOptions,
  PredictionLimits,
  PredictOptions,
} from './prediction/options.ts';
export type { PcmFormat } from './prediction/readable.ts';

// Does it still hear what it was trained on?

export { Alarm, type AlarmMemory, type AlarmOptions, type AlarmState } from './drift/alarm.ts';
export { configuredDrift } from './drift/configuredDrift.ts';
export {
  type DriftOptions,
  type DriftResult,
  type DriftRow,
  detectDrift,
  driftTrend,
  type TrendPoint,
  trendPoint,
} from './drift/detectDrift.ts';
export { driftToJson } from './drift/driftToJson.ts';
export { type DriftReference, modelRow, predictionRow } from './drift/modelRows.ts';
export { type DriftSide, type ReadSideOptions, readSide } from './drift/readSide.ts';
export { cutWindows, type WindowOptions } from './drift/windows.ts';
export { randomFor } from './random.ts';
export { type DriftPageOptions, driftPage } from './reports/driftPage.ts';

// A checkpoint from inside.

export type { Checkpoint } from './checkpoint/Checkpoint.ts';
export type { CheckpointMetadata, EpochRecord } from './checkpoint/metadata.ts';
export { readCheckpoint } from './checkpoint/readCheckpoint.ts';
export type { ReferenceRow } from './checkpoint/reference.ts';

// What the machine can do.

export { releaseFreeMemory, runtimeInfo } from '../bindings/index.ts';
export type { BatcherStats, Device, Precision, RuntimeInfo } from '../bindings/native.ts';
export { packageVersion } from './packageRoot.ts';

// Kept inside: decoders, features, shards and the native handles (what Classifier, prepare and train are made of), and the
// command line, whose commands are these functions with words around them.
