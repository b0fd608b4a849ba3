import { resolve } from 'node:path';
import { decimal, tabRow } from './delimited.ts';
import { isFailed, type OutputFormat } from './format.ts';

/**
 * A Raven Pro selection table, with the columns that BirdNET-Analyzer's tables have. Times count from the beginning of the
 * sound that Raven has open: in a table of several recordings they run on from file to file, as in Raven's file sequences,
 * and `File Offset (s)` is the place in the file itself. A model has one band for all classes, so every box spans it unless a
 * detection knows better.
 */
export const raven: OutputFormat = {
  name: 'raven',
  description: 'selection table for Raven Pro and Raven Lite',
  extension: '.selections.txt',
  layout: 'both',
  holdsErrors: false,
  open(context) {
    let selection = 0;
    let sequenceOffsetS = 0;
    return {
      begin: () =>
        tabRow([
          'Selection',
          'View',
          'Channel',
          'Begin Time (s)',
          'End Time (s)',
          'Low Freq (Hz)',
          'High Freq (Hz)',
          'Species',
          'Score',
          'Begin Path',
          'File Offset (s)',
        ]),
      write(result) {
        if (isFailed(result)) return '';
        const rows = result.detections.map(({ startS, endS, lowHz, highHz, label, score }) => {
          selection += 1;
          return tabRow([
            selection,
            'Spectrogram 1',
            1,
            decimal(sequenceOffsetS + startS, 6),
            decimal(sequenceOffsetS + endS, 6),
            decimal(lowHz ?? context.lowHz, 1),
            decimal(highHz ?? context.highHz, 1),
            label,
            score.toFixed(4),
            context.uploads ? result.recording : resolve(result.recording),
            decimal(startS, 6),
          ]);
        });
        sequenceOffsetS += result.durationS;
        return rows.join('');
      },
      end: () => '',
    };
  },
};
