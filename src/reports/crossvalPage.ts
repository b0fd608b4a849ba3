import { percent } from '../formats/percentAndClock.ts';
import { groupingCaveat } from '../keptTogether.ts';
import type { Crossval } from './crossvalReport.ts';
import { html } from './html.ts';
import { notice, renderPage, table, tiles } from './page.ts';
import { classTable, confusionSection, dateAndTime, shareBar } from './reportParts.ts';

/** `crossval.html`: all folds on one page. */
export function crossvalPage(crossval: Crossval): string {
  const { dataset, folds, pooled, accuracy, balancedAccuracy, createdAt, groupBy, overrides } = crossval;
  const over = ({ mean, spread }: Crossval['accuracy']) => `over folds ${percent(mean)} ± ${percent(spread)}`;
  const cards = tiles([
    { value: percent(pooled.accuracy), label: 'of recordings right', note: over(accuracy) },
    { value: percent(pooled.balancedAccuracy), label: 'balanced accuracy', note: over(balancedAccuracy) },
    { value: percent(pooled.top3), label: 'among the best three', note: `macro F1 ${percent(pooled.macroF1)}` },
    { value: String(pooled.items), label: 'recordings', note: `each judged once, in ${folds.length} folds` },
  ]);
  const leftOut = folds.reduce((sum, fold) => sum + (fold.leftOut ?? 0), 0);
  const foldRows = folds.map((fold) => [
    String(fold.fold),
    String(fold.recordings),
    String(fold.leftOut ?? '-'),
    shareBar(fold.accuracy),
    shareBar(fold.balancedAccuracy, 4),
    fold.steps === null ? '-' : String(fold.steps),
    `${(fold.durationS / 60).toFixed(1)} min`,
    html`<code>${fold.run}</code>`,
  ]);
  const caveat = groupBy === null ? 'What was kept together is not known.' : groupingCaveat(groupBy);
  const kept = `No ${groupBy === 'session' ? 'session' : 'recorder and date'} was on two sides of a fold.`;
  const changed =
    overrides.length === 0
      ? html`<p>The defaults of this version of autobird.</p>`
      : table(
          ['changed of the defaults'],
          overrides.map((override) => [html`<code>${override}</code>`]),
        );
  return renderPage({
    title: `${dataset.name}: ${folds.length}-fold cross-validation`,
    subtitle: `${judged(leftOut)} ${dateAndTime(createdAt)}`,
    sections: [
      { title: 'At a glance', body: html`${cards}${notice(caveat === null ? 'good' : 'warning', caveat ?? kept)}` },
      {
        title: 'Folds',
        body: table(['fold', 'judged', 'left out', 'accuracy', 'balanced', 'steps', 'training', 'run'], foldRows),
      },
      {
        title: 'Confusion',
        body: confusionSection(pooled.confusion, 'Recordings of all folds'),
      },
      { title: 'Classes', body: classTable(pooled.perClass, null) },
      { title: 'Configuration', body: changed },
    ],
    footer: 'The same figures for machines: crossval.json.',
  });
}

function judged(leftOut: number): string {
  if (leftOut === 0) return 'Every recording is predicted once, by a model that was not trained on its group.';
  const copies = leftOut === 1 ? '1 recording is' : `${leftOut} recordings are`;
  return `${copies} left out: the model of the fold was trained or selected on the same sound. Every other one is judged once.`;
}
