import { rankLabels } from '../scoring/rankLabels.ts';
import { csvRow, decimal } from './delimited.ts';
import { isFailed, type OutputFormat } from './format.ts';

/** A row a detection; a recording without detections, or without a prediction, has one row too. */
export const csv: OutputFormat = {
  name: 'csv',
  description: 'one row a detection, for spreadsheets, R and pandas',
  extension: '.csv',
  layout: 'both',
  holdsErrors: true,
  open: (context) => ({
    begin: () =>
      csvRow([
        'recording',
        'duration_s',
        'top_label',
        'top_score',
        'start_s',
        'end_s',
        'label',
        'score',
        'at',
        'model_version',
        'error_code',
        'error',
      ]),
    write(result) {
      if (isFailed(result)) {
        const { code, message } = result.error;
        return csvRow([result.recording, null, null, null, null, null, null, null, null, null, code, message]);
      }
      const best = rankLabels(result.labels, result.scores, context.noEventLabels)[0];
      const about = [
        result.recording,
        decimal(result.durationS, 3),
        result.topLabel,
        result.topLabel === null || best === undefined ? null : decimal(best.score, 6),
      ];
      if (result.detections.length === 0) {
        return csvRow([...about, null, null, null, null, null, result.modelVersion, null, null]);
      }
      return result.detections
        .map(({ startS, endS, label, score, at }) =>
          csvRow([
            ...about,
            decimal(startS, 3),
            decimal(endS, 3),
            label,
            decimal(score, 6),
            at,
            result.modelVersion,
            null,
            null,
          ]),
        )
        .join('');
    },
    end: () => '',
  }),
};
