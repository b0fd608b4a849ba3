/** Output formats by name, in the order of the help text. */
import { audacity } from './audacity.ts';
import { csv } from './csv.ts';
import type { OutputFormat } from './format.ts';
import { json, ndjson } from './json.ts';
import { kaleidoscope } from './kaleidoscope.ts';
import { raven } from './raven.ts';
import { table } from './table.ts';

export type { FormatContext, FormatWriter, OutputFormat, PredictionResult } from './format.ts';
export { isFailed } from './format.ts';

/** The forms in which results are written, in the order of the help text. */
export const outputFormats = { table, json, ndjson, csv, raven, audacity, kaleidoscope } as const satisfies Record<
  string,
  OutputFormat
>;

/** The name of a form in which results are written. */
export type OutputFormatName = keyof typeof outputFormats;
