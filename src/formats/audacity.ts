import { tabRow } from './delimited.ts';
import { isFailed, type OutputFormat } from './format.ts';

/**
 * An Audacity label track (File > Import > Labels): start, end, text, and a second line with the frequency range where it is
 * known. A label track belongs to one sound, so every recording has its own file.
 */
export const audacity: OutputFormat = {
  name: 'audacity',
  description: 'label track for Audacity, a file for each recording',
  extension: '.labels.txt',
  layout: 'file',
  holdsErrors: false,
  open: () => ({
    begin: () => '',
    write(result) {
      if (isFailed(result)) return '';
      return result.detections
        .map(({ startS, endS, lowHz, highHz, label, score }) => {
          const row = tabRow([startS.toFixed(6), endS.toFixed(6), `${label} ${score.toFixed(2)}`]);
          if (lowHz === null && highHz === null) return row;
          // Audacity writes -1 for an end of the range that is not known.
          return row + tabRow(['\\', (lowHz ?? -1).toFixed(6), (highHz ?? -1).toFixed(6)]);
        })
        .join('');
    },
    end: () => '',
  }),
};
