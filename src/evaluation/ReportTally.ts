/** Figures of a report over recordings that come one after the other: only a row of each stays in memory. */
import type { CheckpointMetadata } from '../checkpoint/metadata.ts';
import type { FailedPrediction, Label, Prediction, Recording } from '../domain.ts';
import type { RecordingResult, Report } from '../reports/report.ts';
import { CalibrationTally, expectedCalibrationError, FiguresTally } from '../scoring/metrics.ts';
import { type RankedLabel, rankLabels } from '../scoring/rankLabels.ts';
import { Scoring } from '../scoring/Scoring.ts';
import { concatenated } from '../vectors.ts';
import type { PredictedRecording } from './predictRecordings.ts';

type Tallied = Pick<
  Report,
  | 'audio'
  | 'labels'
  | 'unknownLabels'
  | 'noEventLabels'
  | 'largestClassShare'
  | 'recordings'
  | 'clips'
  | 'calibration'
  | 'predictions'
>;

export class ReportTally {
  readonly #metadata: CheckpointMetadata;
  readonly #scoring: Scoring;
  readonly #unknownLabels: readonly Label[];
  readonly #places: ReadonlyMap<Label, number>;
  readonly #recordings: FiguresTally;
  readonly #clips: FiguresTally;
  readonly #before: CalibrationTally;
  readonly #after: CalibrationTally;
  readonly #counts = new Map<Label, number>();
  readonly #predictions: RecordingResult[] = [];
  #fromShards = 0;

  /** @param recordings all that will be added, for their labels */
  constructor(metadata: CheckpointMetadata, recordings: readonly Recording[], bins: number) {
    const known = new Set(metadata.labels);
    this.#metadata = metadata;
    this.#scoring = new Scoring(metadata);
    this.#unknownLabels = [...new Set(recordings.map(({ label }) => label))]
      .filter((label) => !known.has(label))
      .sort();
    const labels = [...metadata.labels, ...this.#unknownLabels];
    this.#places = new Map(labels.map((label, i) => [label, i]));
    this.#recordings = new FiguresTally(labels);
    this.#clips = new FiguresTally(labels);
    this.#before = new CalibrationTally(bins);
    this.#after = new CalibrationTally(bins);
  }

  /** Gives the recording's row. */
  add({ recording, prediction, fromShard }: PredictedRecording): RecordingResult {
    const { label } = recording;
    const truth = this.#places.get(label) as number;
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
    if (fromShard) this.#fromShards++;
    if ('clips' in prediction) {
      const item = { truth, scores: prediction.scores };
      this.#recordings.add(item);
      this.#after.add(item);
      this.#before.add({ truth, scores: this.#uncalibrated(prediction) });
      for (const { scores } of prediction.clips) this.#clips.add({ truth, scores });
    } else this.#recordings.add({ truth, scores: null });
    const result = resultOf(recording, prediction);
    this.#predictions.push(result);
    return result;
  }

  #uncalibrated({ clips }: Prediction): Float32Array {
    const clipScores = concatenated(clips.map(({ scores }) => scores));
    return this.#scoring.uncalibratedScores(
      clipScores,
      Float32Array.from(clips, ({ activity }) => activity),
    );
  }

  report(): Tallied {
    const { labels, noEventLabels, aggregation, calibration } = this.#metadata;
    const items = this.#predictions.length;
    const { confusion: _, ...clips } = this.#clips.figures();
    return {
      audio: { originals: items - this.#fromShards, shards: this.#fromShards },
      labels: [...labels],
      unknownLabels: [...this.#unknownLabels],
      noEventLabels: [...noEventLabels],
      largestClassShare: [...this.#counts.values()].reduce((a, b) => Math.max(a, b), 0) / Math.max(1, items),
      recordings: this.#recordings.figures(),
      clips,
      calibration: {
        aggregation,
        temperature: calibration.temperature,
        before: calibrationSide(this.#before),
        after: calibrationSide(this.#after),
      },
      predictions: this.#predictions,
    };
  }
}

function calibrationSide(tally: CalibrationTally): Report['calibration']['before'] {
  const bins = tally.bins();
  return { expectedCalibrationError: expectedCalibrationError(bins), loss: tally.loss(), bins };
}

function resultOf(recording: Recording, prediction: Prediction | FailedPrediction): RecordingResult {
  const { path, label } = recording;
  if ('error' in prediction) {
    return {
      recording: path,
      label,
      predicted: null,
      correct: false,
      top: [],
      labelScore: null,
      error: prediction.error,
    };
  }
  const ranked = rankLabels(prediction.labels, prediction.scores);
  const predicted = (ranked[0] as RankedLabel).label;
  return {
    recording: path,
    label,
    predicted,
    correct: predicted === label,
    top: ranked.slice(0, 3),
    labelScore: ranked.find((entry) => entry.label === label)?.score ?? null,
    error: null,
  };
}
