import type { RecordingPrediction } from '../../src/index.ts';
import type { ReceivedFile } from '../http/receiveAudio.ts';
import type { LogEntry } from '../predictionLog/entry.ts';
import type { LoadedModel } from './LoadedModel.ts';
import type { Requester, Upload } from './requester.ts';

export interface LogEntryParts {
  readonly request: Requester;
  readonly upload: Upload;
  readonly part: number;
  readonly model: LoadedModel;
  readonly predictMs: number;
  readonly prediction?: RecordingPrediction;
  readonly errorCode?: string;
  readonly shadow?: boolean;
  readonly keepAudio?: boolean;
}

/** The row of a prediction, or of a recording that could not be read. */
export function logEntry(parts: LogEntryParts): LogEntry {
  const { request, upload, part, model, predictMs, prediction, shadow = false } = parts;
  const file = upload.files[part] as ReceivedFile;
  return {
    requestId: request.id,
    part,
    time: new Date(),
    route: request.routeOptions.url ?? request.url,
    fileName: file.name,
    fileSha256: file.sha256,
    fileBytes: file.sizeBytes,
    durationS: prediction?.durationS ?? null,
    place: upload.place ?? null,
    model: model.name,
    modelVersion: model.version,
    shadow,
    label: prediction?.topLabel ?? null,
    score: prediction === undefined ? null : Math.max(...prediction.scores),
    scores: prediction?.scores ?? null,
    labels: prediction?.labels ?? null,
    clips: prediction?.clips.length ?? 0,
    receiveMs: upload.receiveMs,
    predictMs,
    decodeMs: prediction?.decodeMs ?? null,
    driftFeatures: prediction?.driftFeatures ?? null,
    errorCode: parts.errorCode ?? null,
    // A recording of a job may be gigabytes in a file: the log keeps those that were in memory.
    audio: parts.keepAudio && typeof file.source !== 'string' ? file.source : null,
  };
}
