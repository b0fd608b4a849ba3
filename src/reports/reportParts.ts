/** What the page of one evaluation and that of a cross-validation share. */

import type { ClassFigures, Confusion } from '../scoring/metrics.ts';
import { escapeHtml, type Html } from './page.ts';
import { heatmap } from './svg.ts';

/** `2026-01-31 06:30 UTC` */
export function dateAndTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

/** Rows are the truth, columns the answer; the column for no answer is there where one was not given. */
export function confusionHeatmap({ labels, counts }: Confusion): Html {
  const unanswered = counts.some((row) => (row.at(-1) as number) > 0);
  const columns = unanswered ? [...labels, 'no answer'] : labels;
  const values = counts.map((row) => row.slice(0, columns.length));
  const cell = Math.max(11, Math.min(32, Math.floor(760 / columns.length)));
  const chart = heatmap(values, labels, columns, { cell, rowTitle: 'is', columnTitle: 'was called' });
  return `<div style="overflow-x:auto">${chart}</div>`;
}

/** A share as a bar with its figure; a dash where there is none. */
export function shareBar(share: number | null, color = 'var(--c1)'): Html {
  if (share === null) return '<span style="color:var(--soft)">–</span>';
  const width = (100 * share).toFixed(1);
  return `<span style="white-space:nowrap"><span style="display:inline-block;vertical-align:middle;width:6.5rem;height:.55rem;border-radius:.3rem;background:var(--line);overflow:hidden;margin-right:.5rem"><span style="display:block;width:${width}%;height:100%;background:${color}"></span></span>${Math.round(100 * share)} %</span>`;
}

/** A table whose cells are markup already. */
export function markupTable(titles: readonly string[], rows: readonly (readonly Html[])[]): Html {
  const head = titles.map((title) => `<th>${escapeHtml(title)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** The classes with most to judge first. `extra` adds a column between the name and the figures. */
export function classTable(
  perClass: readonly ClassFigures[],
  extra: { readonly title: string; readonly of: (label: string) => string } | null,
): Html {
  const rows = perClass
    .toSorted((a, b) => b.support - a.support || (a.label < b.label ? -1 : 1))
    .map(({ label, precision, recall, f1, support, predicted }) => [
      escapeHtml(label),
      ...(extra ? [escapeHtml(extra.of(label))] : []),
      String(support),
      shareBar(recall),
      shareBar(precision, 'var(--c4)'),
      shareBar(support + predicted > 0 ? f1 : null, 'var(--c2)'),
    ]);
  return markupTable(['class', ...(extra ? [extra.title] : []), 'judged', 'recall', 'precision', 'F1'], rows);
}
