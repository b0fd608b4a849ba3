/** What the scripts of the page pass to each other: responses of the service, and what is made of them. */

/** A recording in a response to `POST /v1/predictions` with `clips=true`. */
export interface PredictionResponse {
  readonly recording: string;
  readonly model: string;
  readonly model_version: string;
  readonly duration_s: number;
  readonly recorded_at: string | null;
  readonly warnings?: readonly string[];
  readonly top_label: string | null;
  readonly labels: readonly string[];
  readonly scores: Readonly<Record<string, number>>;
  readonly clips: readonly ScoredClip[];
  readonly spectrogram_png: string;
}

export interface ScoredClip {
  readonly start_s: number;
  readonly end_s: number;
  readonly peak: number;
  readonly scores: readonly number[];
}

export interface Detection {
  readonly start_s: number;
  readonly end_s: number;
  readonly label: string;
  readonly score: number;
  readonly at: string | null;
}

export interface Model {
  readonly name: string;
  readonly version: string | null;
  readonly weight: number;
  readonly shadow: boolean;
  readonly loaded_at: string | null;
  readonly error: string | null;
}

/** What is loaded; a model that is not has no more than {@link Model}. */
export interface LoadedModel extends Model {
  readonly version: string;
  readonly labels: readonly string[];
  readonly no_event_labels: readonly string[];
  readonly sample_rate_hz: number;
  readonly bands: Bands;
  readonly clips: { readonly length_s: number; readonly hop_s: number };
  readonly aggregation: string;
  readonly temperature: number;
  readonly lineage: {
    readonly dataset: { readonly id: string; readonly name: string; readonly split: string };
    readonly licences: readonly { readonly licence: string; readonly recordings: number }[];
    readonly counts: readonly { readonly label: string; readonly clips: number; readonly recordings: number }[];
    readonly epoch: number;
    readonly best_metric: number | null;
    readonly trained_at: string;
    readonly autobird: string;
    readonly libtorch: string;
  };
}

export interface Bands {
  readonly count: number;
  readonly min_hz: number;
  readonly max_hz: number;
}

export interface Settings {
  readonly version: string;
  readonly runs: boolean;
  readonly drift_url: string | null;
  readonly keeps_log: boolean;
  readonly keeps_audio: boolean;
  readonly max_file_bytes: number;
  readonly max_duration_s: number;
  /** Limits of jobs; null where the service has none. */
  readonly jobs: { readonly max_file_bytes: number; readonly max_duration_s: number } | null;
}

/** A row of the prediction log, as the page reads it. */
export interface LoggedPrediction {
  readonly id: number;
  readonly time: string;
  readonly file_name: string;
  readonly duration_s: number | null;
  readonly place: string | null;
  readonly model: string | null;
  readonly shadow: boolean;
  readonly label: string | null;
  readonly score: number | null;
  readonly error_code: string | null;
  /** What somebody said it was; null for no bird. */
  readonly true_label?: string | null;
}

/** A prediction that goes on without the page, as the service tells of it. */
export interface Job {
  readonly id: string;
  readonly request_id: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly progress: { readonly done_s: number; readonly total_s: number };
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A recording with its prediction and what is needed to show it again without a request. The history stores it as it is. */
export interface PredictedRecording {
  readonly request_id: string;
  /** Milliseconds since 1970. */
  readonly time_ms: number;
  readonly answer: PredictionResponse;
  readonly no_event_labels: readonly string[];
  readonly bands: Bands;
  /** What the user said it is: a label, null for no bird, undefined while nothing was said. */
  readonly feedback?: string | null | undefined;
}

export interface RunSummary {
  readonly id: string;
  readonly created_at: string;
  readonly state: 'training' | 'finished' | 'stopped';
  readonly dataset: string | null;
  readonly overrides: readonly string[];
  readonly epochs: number;
  readonly planned_epochs: number | null;
  readonly val_accuracy: number | null;
  readonly test_accuracy: number | null;
  readonly test_balanced_accuracy: number | null;
  readonly damaged: readonly string[];
}

export interface Epoch {
  readonly epoch: number;
  readonly step: number;
  readonly learning_rate: number;
  readonly train_loss: number;
  readonly train_accuracy: number;
  readonly val_loss: number | null;
  readonly val_accuracy: number | null;
  readonly val_balanced_accuracy: number | null;
  readonly samples_per_s: number;
  readonly duration_s: number;
}

export interface ClassFigures {
  readonly label: string;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number;
  readonly support: number;
  readonly predicted: number;
}

/** Which recordings were called what. */
export interface Confusion {
  readonly labels: readonly string[];
  /** What they are, what they were called (null without a prediction) and how many; only what is not 0. */
  readonly cells: readonly (readonly [number, number | null, number])[];
}

export interface Report {
  readonly created_at: string;
  readonly dataset: { readonly id: string; readonly name: string };
  readonly split: string;
  readonly side: string;
  readonly no_event_labels: readonly string[];
  readonly unknown_labels: readonly string[];
  readonly largest_class_share: number;
  readonly recordings: {
    readonly items: number;
    readonly without_prediction: number;
    readonly accuracy: number;
    readonly balanced_accuracy: number;
    readonly macro_f1: number;
    readonly top3: number;
    readonly per_class: readonly ClassFigures[];
    readonly confusion: Confusion;
  };
  readonly calibration: {
    readonly temperature: number;
    readonly after: { readonly expected_calibration_error: number };
  };
}

declare global {
  // TypeScript's DOM does not know the place where worklets run.
  class AudioWorkletProcessor {
    readonly port: MessagePort;
  }
  function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
}
