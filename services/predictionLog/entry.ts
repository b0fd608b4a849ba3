/** What is kept of a prediction. Columns spell the same names in snake_case (docs/prediction-log.md). */
import type { DriftFeatures, Label } from '../../src/index.ts';

export interface LogEntry {
  /** `x-request-id` of the request. */
  readonly requestId: string;
  /** Which recording of the request, from 0. */
  readonly part: number;
  readonly time: Date;
  readonly route: string;
  readonly fileName: string;
  readonly fileSha256: string;
  readonly fileBytes: number;
  /** Null where the recording could not be read. */
  readonly durationS: number | null;
  /** Where it was recorded, as the client calls it. */
  readonly place: string | null;
  readonly model: string | null;
  readonly modelVersion: string | null;
  /** Predicted by a shadow model: in no response. */
  readonly shadow: boolean;
  /** The best label; null where it is a no-event label or nothing was predicted. */
  readonly label: Label | null;
  /** The highest score, whichever label it belongs to. */
  readonly score: number | null;
  /** In the order of `labels`. */
  readonly scores: Float32Array | null;
  readonly labels: readonly Label[] | null;
  readonly clips: number;
  /** From the first byte of the request to the last of the upload. */
  readonly receiveMs: number;
  /** Decoding, waiting for the network and the network. */
  readonly predictMs: number;
  /** Of that, until the last sample was decoded; null where the recording could not be read. */
  readonly decodeMs: number | null;
  readonly driftFeatures: DriftFeatures | null;
  /** Why there is no prediction. */
  readonly errorCode: string | null;
  /** The recording itself, where it is to be kept. */
  readonly audio: Uint8Array | null;
}

/** Where rows go. */
export interface RowSink {
  /** Resolves when the row is safe, or is pending with others of its request (./PendingRows.ts). */
  append(entry: LogEntry): Promise<void>;
}

/** What somebody says that a recording holds. */
export interface Feedback {
  readonly requestId: string;
  readonly part: number;
  /** Null for "no bird". */
  readonly label: Label | null;
  readonly note: string | null;
}

/** A row as it is read back; `trueLabel` is the newest feedback (`undefined` where there is none). */
export interface LoggedPrediction extends Omit<LogEntry, 'audio' | 'labels' | 'scores'> {
  readonly id: number;
  readonly scores: Readonly<Record<Label, number>> | null;
  readonly trueLabel: Label | null | undefined;
}

/** What drift is computed from: one recording. */
export interface LoggedDriftRow extends DriftFeatures {
  readonly time: Date;
  readonly target: Label | null;
  readonly confidence: number;
}

/** Which rows are meant; all conditions hold together. */
export interface LogFilter {
  readonly requestId?: string | undefined;
  readonly fileName?: string | undefined;
  readonly fileSha256?: string | undefined;
  readonly label?: string | undefined;
  readonly place?: string | undefined;
  readonly modelVersion?: string | undefined;
  /** From this instant on. */
  readonly since?: Date | undefined;
  /** Before this instant. */
  readonly until?: Date | undefined;
  /** Not those that were written later. */
  readonly upToId?: number | undefined;
}
