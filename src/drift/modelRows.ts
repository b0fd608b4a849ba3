/** Rows of drift from predictions: of new recordings, and of those that a checkpoint stores. */
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import type { ReferenceRow } from '../checkpoint/reference.ts';
import type { DriftFeatures, Label } from '../domain.ts';
import type { RecordingPrediction } from '../prediction/options.ts';
import { indexOfLargest } from '../vectors.ts';
import { type DriftRow, DriftRows } from './DriftRows.ts';
import { driftFeatureValues, type RecordingRow } from './recordingRows.ts';

/** The prediction where a no-event label wins: a category like any other, because its share may drift. */
const noEventCategory = 'no event';

/** What one recording is compared by. */
export interface ModelRow {
  readonly driftFeatures: DriftFeatures;
  /** The best label; null where it is a no-event label. */
  readonly prediction: Label | null;
  /** Highest score. */
  readonly confidence: number;
}

/** A row from a prediction; `target` is the true label, where that is known. */
export function modelRow({ driftFeatures, prediction, confidence }: ModelRow, target?: Label | null): DriftRow {
  return {
    values: {
      ...driftFeatureValues(driftFeatures),
      prediction: prediction ?? noEventCategory,
      ...(target !== undefined && { target }),
    },
    confidence,
  };
}

/** A row from a prediction with its drift features, and with its embedding where it has one. */
export function predictionRow(prediction: RecordingPrediction, target?: Label | null): RecordingRow {
  const { driftFeatures, topLabel, scores, embedding, recording, recordedAt } = prediction;
  const confidence = scores[indexOfLargest(scores)] as number;
  const row = modelRow({ driftFeatures: driftFeatures as DriftFeatures, prediction: topLabel, confidence }, target);
  return { ...row, recording, embedding, at: recordedAt };
}

/** What current rows are compared with. */
export interface DriftReference {
  /** Recordings that the model was trained on: their features, labels and predictions. */
  readonly rows: DriftRows;
  /** Recordings that it was not trained on: their confidence and embeddings. Empty where there are none. */
  readonly heldOut: DriftRows;
}

/** The rows that a checkpoint stores; null where it has none. */
export function checkpointReference({ reference, metadata }: Checkpoint): DriftReference | null {
  if (reference === null) return null;
  const row = (one: ReferenceRow): DriftRow => {
    const prediction = metadata.noEventLabels.includes(one.prediction) ? null : one.prediction;
    return { ...modelRow({ ...one, prediction }, one.target), embedding: one.embedding };
  };
  return {
    rows: DriftRows.of(reference.filter(({ heldOut }) => !heldOut).map(row)),
    heldOut: DriftRows.of(reference.filter(({ heldOut }) => heldOut).map(row)),
  };
}
