/**
 * `autobird/service`: what a service is built from beside `src/index.ts`. The services of this package need no more than the
 * two; another service may be built on them, but what is here may change with any version.
 */

// The forms in which results, runs and drift leave the process.

export { timeAt } from './absoluteTime.ts';
export { driftToJson } from './drift/driftToJson.ts';
export { type FormatContext, type FormatWriter, type OutputFormatName, outputFormats } from './formats/index.ts';
export { resultToJson } from './formats/json.ts';
export { type DriftPageOptions, driftPage } from './reports/driftPage.ts';
export { epochToJson, reportToJson } from './run/summarizeRun.ts';
export { isEmptyClip } from './scoring/emptyClips.ts';
export { rankLabels } from './scoring/rankLabels.ts';
export { addAt, indexOfLargest } from './vectors.ts';

// What an upload is, which model, and for whom.

export { sniff } from './audio/sniff.ts';
export { wavHeader } from './audio/wavHeader.ts';
export { clientRoles } from './config/serviceSchema.ts';
export { findCheckpoint } from './prediction/findCheckpoint.ts';

// Drift of a log that grows.

export type { ReferenceRow } from './checkpoint/reference.ts';
export { Alarm, type AlarmMemory, type AlarmOptions, type AlarmState } from './drift/alarm.ts';
export { configuredDrift } from './drift/configuredDrift.ts';
export { driftTrend, type TrendPoint, trendPoint } from './drift/detectDrift.ts';
export { type DriftReference, modelRow, predictionRow } from './drift/modelRows.ts';
export { cutWindows, type WindowOptions } from './drift/windows.ts';
export { randomFor } from './random.ts';

// The process.

export { releaseFreeMemory } from '../bindings/index.ts';
export type { BatcherStats } from '../bindings/native.ts';
export { makeFolder } from './files.ts';
export { isRunning } from './isRunning.ts';
export { packageVersion } from './packageRoot.ts';
