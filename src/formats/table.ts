import { rankLabels } from '../scoring/rankLabels.ts';
import { displayWidth, fit, printable } from './displayWidth.ts';
import { isFailed, type OutputFormat } from './format.ts';
import { clock } from './percentAndClock.ts';

const lengthColumns = 8;
const scoreColumns = 5;
const countColumns = 4;
const gap = '  ';

/** For people: a line a recording with its best labels; the number of detections; the reason where there is no prediction. */
export const table: OutputFormat = {
  name: 'table',
  description: 'for reading in a terminal',
  extension: '.txt',
  layout: 'stream',
  holdsErrors: true,
  open({ labels, noEventLabels, topK, names, width }) {
    const longest = (texts: readonly string[], min: number, max: number) =>
      Math.min(
        max,
        texts.reduce((widest, text) => Math.max(widest, displayWidth(printable(text))), min),
      );
    const labelColumns = longest([...labels, 'no event'], 5, 28);
    const fixed = lengthColumns + countColumns + 2 * gap.length;
    const labelAndScore = labelColumns + 1 + scoreColumns + gap.length;
    // As many labels as fit beside 20 columns of the name, at least one.
    const shown = Math.max(1, Math.min(topK, Math.floor((width - fixed - 20) / labelAndScore)));
    const nameColumns = longest(names, 9, Math.max(12, width - fixed - shown * labelAndScore));
    const line = (name: string, length: string, count: string, best: string) =>
      `${fit(name, nameColumns)}${gap}${fit(length, lengthColumns, 'right')}${gap}${fit(count, countColumns, 'right')}${gap}${best}`.trimEnd();
    return {
      begin: () => `${line('RECORDING', 'LENGTH', 'DET', shown === 1 ? 'BEST LABEL' : 'BEST LABELS')}\n`,
      write(result) {
        const name = printable(result.recording);
        if (isFailed(result)) {
          const reason = printable(result.error.message);
          return `${line(name, '-', '-', `! ${reason}`)}\n`;
        }
        const best = rankLabels(result.labels, result.scores, noEventLabels)
          .slice(0, shown)
          .map(({ label, score }) => `${fit(printable(label), labelColumns)} ${score.toFixed(3)}`);
        const nothing = result.topLabel === null ? [fit('no event', labelColumns + 1 + scoreColumns)] : [];
        return `${line(
          name,
          clock(result.durationS, { tenths: true }),
          String(result.detections.length),
          [...nothing, ...best].slice(0, shown).join(gap),
        )}\n`;
      },
      end: () => '',
    };
  },
};
