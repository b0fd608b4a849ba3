/**
 * The words of autobird, each defined once. Files on disk spell the same fields in snake_case
 * (`src/schema/case.ts` maps them); units are in the names.
 */

import type { Channel } from './audio/channelSchema.ts';

/** A class name. Which names mean *no event* is a property of the dataset ({@link DatasetManifest.noEventLabels}). */
export type Label = string;

/** A stretch of a recording that a person marked. */
export interface Annotation {
  readonly startS: number;
  readonly endS: number;
  readonly lowHz: number | null;
  readonly highHz: number | null;
  readonly label: Label;
}

/** One audio file, as the dataset knows it after it was decoded once. */
export interface Recording {
  /** Relative to the dataset's raw folder, `/` between parts, spelled as the file system spells it. */
  readonly path: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly contentHash: string;
  /** SHA-256 of the decoded mono float32 samples at the original rate, hex: equal for lossless copies in any container. */
  readonly audioHash: string;
  readonly durationS: number;
  /** The file's own rate. */
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly codec: string;
  /** Which decoder read it: `wav`, `ffmpeg`, `ffmpeg-cli` or `wasm`. */
  readonly decoder: string;
  /** ISO 8601, with the zone if it is known, from metadata, GUANO / bext or the file name. */
  readonly recordedAt: string | null;
  /** The primary label. */
  readonly label: Label;
  readonly backgroundLabels: readonly Label[];
  readonly annotations: readonly Annotation[];
  /** Recordist and date, or the metadata's session column. */
  readonly session: string | null;
  /** The metadata's group column. */
  readonly groupKey: string | null;
  /** The metadata's fold column. */
  readonly fold: string | null;
  /** Recordist, place, licence, quality and the other columns of the metadata, as text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Largest absolute sample and root mean square of the mono signal at the dataset's rate. */
  readonly peak: number;
  readonly rms: number;
  /** Samples at the dataset's rate ({@link DatasetManifest.sampleRateHz}). */
  readonly sampleCount: number;
  /** The shard that holds its samples, relative to the dataset folder. */
  readonly shard: string;
}

/** A file that could not become a recording, and why. */
export interface RejectedRecording {
  readonly path: string;
  /** Stable, for machines: `empty_file`, `not_audio`, `too_long`, … */
  readonly code: string;
  /** For people: what is wrong and what to do. */
  readonly reason: string;
}

/** A half-open stretch of a recording. */
export interface Clip {
  readonly startS: number;
  readonly endS: number;
}

/** `dataset.json`: everything but the recordings themselves (`recordings.jsonl`). */
export interface DatasetManifest {
  readonly formatVersion: number;
  /** Hash of the content: recordings, labels, rate. The same folder prepared elsewhere has the same id. */
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly autobirdVersion: string;
  /** Folder of the original files; in the file relative to that of the dataset. */
  readonly rawDir: string;
  readonly sampleRateHz: number;
  /** Which channels of the recordings its samples are; missing in older datasets, which have the mean. */
  readonly channel?: Channel | undefined;
  readonly labels: readonly Label[];
  readonly noEventLabels: readonly Label[];
  readonly counts: {
    readonly files: number;
    readonly recordings: number;
    readonly rejected: number;
    readonly duplicates: number;
    readonly sessions: number;
    readonly durationS: number;
  };
  /** How columns of the metadata were understood, e.g. `label ← species`. */
  readonly columns: Readonly<Record<string, string>>;
  readonly rejected: readonly RejectedRecording[];
  readonly warnings: readonly string[];
}

/** What a recording is used for. */
export type Side = 'train' | 'val' | 'test';

/** `splits/<name>.json`: which recording is on which side. */
export interface Split {
  readonly formatVersion: number;
  readonly name: string;
  readonly datasetId: string;
  /** The options it was made with, as resolved. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly assignments: readonly SplitAssignment[];
  readonly counts: Readonly<Record<Side, number>>;
  /** Classes that could not be on every side, with the sides they miss. */
  readonly missing: readonly { readonly label: Label; readonly sides: readonly Side[] }[];
  /** Recordings that are on no side (a fold column that leaves them out), with the reason. */
  readonly unassigned: readonly { readonly path: string; readonly reason: string }[];
}

/** The side of one recording. */
export interface SplitAssignment {
  readonly path: string;
  readonly side: Side;
  /** Id of the group (copies, session, group column) that must stay on one side. */
  readonly group: string;
}

/** How clip scores become a recording's score; kept in the checkpoint. */
export type Aggregation = 'majority' | 'mean' | 'activity';

/** A label found in a stretch of a recording; neighbouring clips of one label may be merged. */
export interface Detection {
  readonly startS: number;
  readonly endS: number;
  readonly lowHz: number | null;
  readonly highHz: number | null;
  readonly label: Label;
  readonly score: number;
  /** ISO 8601 when the recording's own time is known. */
  readonly at: string | null;
}

/** Scores of one clip, in the order of {@link Prediction.labels}. */
export interface ClipPrediction extends Clip {
  readonly scores: Float32Array;
  /** How much happens in the clip (mean of log-mel above the clip's own per-band median), 0 for steady sound. */
  readonly activity: number;
  /** Largest absolute sample. Below 0.00003, the last bit of 16, the clip is digital silence: it gives no detection. */
  readonly peak: number;
}

/**
 * What drift detection keeps of a recording, before background removal and normalisation, which would hide a drift: means
 * over its clips. Deviations are those of the population.
 */
export interface DriftFeatures {
  /** Mean over all cells of a clip's log-mel. */
  readonly melMean: number;
  readonly melStd: number;
  /** Mean over a clip's frames of ln(sum over bands of the mel power + 1e-6). */
  readonly energyMean: number;
  readonly energyStd: number;
}

/** The prediction of one recording. */
export interface Prediction {
  /** Path or name, as given. */
  readonly recording: string;
  readonly durationS: number;
  /** ISO 8601 as {@link Recording.recordedAt}, from the file's tags or its name. */
  readonly recordedAt: string | null;
  /** What is wrong with the recording all the same: it is cut short, it has damaged places. */
  readonly warnings: readonly string[];
  /** Every label of the model, no-event labels included, in the model's order. */
  readonly labels: readonly Label[];
  /** Calibrated scores of the recording, in the order of `labels`. */
  readonly scores: Float32Array;
  /** The best label that is not a no-event label, null when a no-event label wins. */
  readonly topLabel: Label | null;
  readonly clips: readonly ClipPrediction[];
  readonly detections: readonly Detection[];
  readonly modelVersion: string;
}

/** A recording that could not be predicted. */
export interface FailedPrediction {
  readonly recording: string;
  readonly error: { readonly code: string; readonly message: string };
}

/** How far a long piece of work is. */
export interface Progress {
  /** What is going on: `index`, `decode`, `statistics`, `train`, `evaluate`, `predict`, … */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** One line for people. */
  readonly message?: string;
}

/** Shared by everything that takes long. */
export interface JobOptions {
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called as the work goes on. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
