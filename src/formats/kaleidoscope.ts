import { basename, dirname, relative, resolve, sep } from 'node:path';
import { csvRow, decimal } from './delimited.ts';
import { isFailed, type OutputFormat } from './format.ts';

/**
 * A results file for Kaleidoscope Pro and Lite (File > Open Results). Columns are found by name there; `TOP1DIST` is a
 * distance, small when sure, so it is 1 - score, and `SCORE` is the score itself. `DATE` and `TIME` are of the beginning of
 * the recording, as Kaleidoscope writes them.
 */
export const kaleidoscope: OutputFormat = {
  name: 'kaleidoscope',
  description: 'results file for Kaleidoscope Pro and Lite',
  extension: '.kaleidoscope.csv',
  layout: 'both',
  holdsErrors: false,
  open: ({ root, lowHz: bandLowHz, highHz: bandHighHz }) => ({
    begin: () =>
      csvRow([
        'INDIR',
        'FOLDER',
        'IN FILE',
        'CHANNEL',
        'OFFSET',
        'DURATION',
        'Fmin',
        'Fmax',
        'DATE',
        'TIME',
        'HOUR',
        'TOP1MATCH',
        'TOP1DIST',
        'SCORE',
        'MANUAL ID',
      ]),
    write(result) {
      if (isFailed(result)) return '';
      const path = resolve(result.recording);
      const [inDir, folder] = path.startsWith(root.endsWith(sep) ? root : root + sep)
        ? [root, relative(root, dirname(path))]
        : [dirname(path), ''];
      const [date, time] = localDateAndTime(result.recordedAt);
      return result.detections
        .map(({ startS, endS, lowHz, highHz, label, score }) =>
          csvRow([
            inDir,
            folder,
            basename(path),
            0,
            decimal(startS, 3),
            decimal(endS - startS, 3),
            decimal(lowHz ?? bandLowHz, 1),
            decimal(highHz ?? bandHighHz, 1),
            date,
            time,
            time.slice(0, 2),
            label,
            decimal(1 - score, 4),
            decimal(score, 4),
            '',
          ]),
        )
        .join('');
    },
    end: () => '',
  }),
};

/** `2024-05-01T06:30:00+02:00` becomes `2024-05-01`, `06:30:00`: the clock of the recorder, as Kaleidoscope shows it. */
function localDateAndTime(recordedAt: string | null): [string, string] {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?/.exec(recordedAt ?? '');
  return [match?.[1] ?? '', match?.[2] ?? ''];
}
