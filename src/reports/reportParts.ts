/** What the page of one evaluation and that of a cross-validation share. */

import type { ClassFigures, Confusion } from '../scoring/metrics.ts';
import { addAt } from '../vectors.ts';
import { type Html, html, nothing } from './html.ts';
import { figure, table } from './page.ts';
import { noPrediction } from './report.ts';
import { heatmap } from './svg.ts';

/** `2026-01-31 06:30 UTC` */
export function dateAndTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

const maxNames = 20;

/** Names for a sentence; of many the first and how many more there are. */
export function listed(names: readonly string[]): string {
  if (names.length <= maxNames) return names.join(', ');
  return `${names.slice(0, maxNames).join(', ')} and ${names.length - maxNames} more`;
}

/** More classes than these are not drawn: the picture would be larger than a screen, and quadratic in them. */
const maxDrawn = 60;
const maxPairs = 30;

/** The matrix of the classes that are confused, and in a table which are confused most. `what` is judged. */
export function confusionSection(confusion: Confusion, what: string): Html {
  const { labels, cells } = confusion;
  const wrong = cells.filter(([truth, predicted]) => truth !== predicted);
  const drawn = drawnClasses(confusion, wrong);
  const caption = `${what}. The brighter, the larger the share of the row.`;
  const rest = `The ${drawn.length} of ${labels.length} classes that are confused most; what was called none of these is in the column for another class. All of them: confusion.csv.`;
  const matrix =
    drawn.length === 0
      ? nothing
      : figure(confusionHeatmap(confusion, drawn), drawn.length < labels.length ? `${caption} ${rest}` : caption);
  return html`${matrix}${pairTable(confusion, wrong)}`;
}

/** All, or those with most mistakes, in their order. */
function drawnClasses({ labels }: Confusion, wrong: Confusion['cells']): number[] {
  const places = labels.map((_, place) => place);
  if (labels.length <= maxDrawn) return places;
  const mistakes = new Array<number>(labels.length).fill(0);
  for (const [truth, predicted, count] of wrong) {
    for (const place of [truth, predicted]) if (place !== null) addAt(mistakes, place, count);
  }
  return places
    .filter((place) => (mistakes[place] as number) > 0)
    .sort((a, b) => (mistakes[b] as number) - (mistakes[a] as number))
    .slice(0, maxDrawn)
    .sort((a, b) => a - b);
}

/** Rows are the truth, columns the predictions; the column for none is there where it is needed. */
function confusionHeatmap({ labels, cells }: Confusion, drawn: readonly number[]): Html {
  const places = new Map<number | null, number>(drawn.map((place, i) => [place, i]));
  const names = drawn.map((place) => labels[place] as string);
  const shown = cells.filter(([truth]) => places.has(truth));
  const withoutPrediction = shown.some(([, predicted]) => predicted === null);
  const others = shown.some(([, predicted]) => predicted !== null && !places.has(predicted));
  const columns = [...names, ...(others ? ['another class'] : []), ...(withoutPrediction ? [noPrediction] : [])];
  const values = drawn.map(() => new Array<number>(columns.length).fill(0));
  for (const [truth, predicted, count] of shown) {
    const row = values[places.get(truth) as number] as number[];
    const column = predicted === null ? columns.length - 1 : (places.get(predicted) ?? names.length);
    addAt(row, column, count);
  }
  const cell = Math.max(11, Math.min(32, Math.floor(760 / columns.length)));
  const chart = heatmap(values, names, columns, { cell, rowTitle: 'is', columnTitle: 'was called' });
  return html`<div class="wide">${chart}</div>`;
}

function pairTable({ labels, cells }: Confusion, wrong: Confusion['cells']): Html {
  if (wrong.length === 0) return nothing;
  const sums = new Map<number, number>();
  for (const [truth, , count] of cells) sums.set(truth, (sums.get(truth) ?? 0) + count);
  const rows = wrong
    .toSorted((a, b) => b[2] - a[2])
    .slice(0, maxPairs)
    .map(([truth, predicted, count]) => [
      labels[truth] as string,
      predicted === null ? noPrediction : (labels[predicted] as string),
      `${count} of ${sums.get(truth)}`,
    ]);
  const shown =
    wrong.length > maxPairs
      ? `The ${maxPairs} most frequent of ${wrong.length} kinds of mistakes`
      : 'Most frequent mistakes';
  return html`<h3>${shown}</h3>${table(['is', 'was called', { title: 'recordings', numeric: true }], rows)}`;
}

/** A share as a bar with its figure; a dash where there is none. */
export function shareBar(share: number | null, color = 1): Html {
  if (share === null) return html`<span class="none">–</span>`;
  return html`<span class="share c${color}"><i style="--s:${(100 * share).toFixed(1)}%"></i>${Math.round(100 * share)} %</span>`;
}

/** The classes with most to judge first. `extra` adds a column between the name and the figures. */
export function classTable(
  perClass: readonly ClassFigures[],
  extra: { readonly title: string; readonly of: (label: string) => string } | null,
): Html {
  const rows = perClass
    .toSorted((a, b) => b.support - a.support || (a.label < b.label ? -1 : 1))
    .map(({ label, precision, recall, f1, support, predicted }) => [
      label,
      ...(extra ? [extra.of(label)] : []),
      String(support),
      shareBar(recall),
      shareBar(precision, 4),
      shareBar(support + predicted > 0 ? f1 : null, 2),
    ]);
  return table(['class', ...(extra ? [extra.title] : []), 'judged', 'recall', 'precision', 'F1'], rows);
}
