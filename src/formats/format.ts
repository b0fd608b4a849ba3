import type { FailedPrediction, Label, Prediction } from '../domain.ts';

export type PredictionResult = Prediction | FailedPrediction;

/** What a format needs to know beside the results. */
export interface FormatContext {
  readonly labels: readonly Label[];
  readonly noEventLabels: readonly Label[];
  /** Labels shown for a recording, best first. */
  readonly topK: number;
  /** The band of the model, for formats that draw boxes. */
  readonly lowHz: number;
  readonly highHz: number;
  /** Every recording that will come, as given: a table needs to know how wide they are. */
  readonly names: readonly string[];
  /** Columns of the terminal. */
  readonly width: number;
  /** Absolute folder that the recordings were found in. */
  readonly root: string;
  /** Recordings are names that a client gave, not files of this machine. Default false. */
  readonly uploads?: boolean;
  /** Scores of every clip in JSON. */
  readonly clips: boolean;
}

/** Text of a file or stream: `begin`, then `write` a recording, then `end`. Every piece ends with its own newline. */
export interface FormatWriter {
  /** What comes before the first recording. */
  begin(): string;
  /** One recording. */
  write(result: PredictionResult): string;
  /** What comes after the last recording. */
  end(): string;
}

export interface OutputFormat {
  readonly name: string;
  /** What it is for, in the help text. */
  readonly description: string;
  /** Follows the recording's name where each recording has its own file, e.g. `.selections.txt`. */
  readonly extension: string;
  /** `file`: a file for each recording in a folder, `stream`: one file for all, `both`. */
  readonly layout: 'stream' | 'file' | 'both';
  /** A recording without a prediction has a row of its own; otherwise `errors.csv` lists it. */
  readonly holdsErrors: boolean;
  open(context: FormatContext): FormatWriter;
}

export function isFailed(result: PredictionResult): result is FailedPrediction {
  return 'error' in result;
}
