/** `report.html`: one evaluation, to be looked at. */

import type { CheckpointMetadata, EpochRecord } from '../checkpoint/metadata.ts';
import type { Split } from '../domain.ts';
import { percent } from '../formats/percentAndClock.ts';
import { groupByOf, groupingCaveat } from '../keptTogether.ts';
import { describeAudio, describeTrainedOn } from './describeReport.ts';
import { type Html, html, nothing } from './html.ts';
import { figure, gallery, notice, renderPage, type Section, table, tiles } from './page.ts';
import type { RecordingResult, Report } from './report.ts';
import { classTable, confusionSection, dateAndTime, listed } from './reportParts.ts';
import { spectrogramFigure } from './spectrogramFigure.ts';
import { legend, lineChart } from './svg.ts';

/** A recording that was called something else, with the clip that had most of that. */
export interface Mistake {
  readonly result: RecordingResult;
  readonly startS: number;
  readonly endS: number;
  /** Its spectrogram as a `data:` address. */
  readonly image: string;
  /** Its sound as a `data:` address; null where there is nothing but zeros. */
  readonly sound: string | null;
}

export interface ReportPageInput {
  readonly report: Report;
  readonly metadata: CheckpointMetadata;
  readonly split: Split;
  /** All validated epochs of the run, as far as known. */
  readonly history: readonly EpochRecord[];
  readonly mistakes: readonly Mistake[];
}

export function reportPage(input: ReportPageInput): string {
  const { report, metadata } = input;
  const { dataset, side, checkpoint, split, createdAt } = report;
  const sections: (Section | null)[] = [
    { title: 'At a glance', body: glance(input) },
    learning(input),
    { title: 'Confusion', body: confusionSection(report.recordings.confusion, 'Recordings') },
    { title: 'Classes', body: classes(report, metadata) },
    { title: 'Can the scores be believed?', body: calibration(report) },
    { title: 'Mistakes', body: mistakes(input) },
    withoutPrediction(report),
    { title: 'How it was made', body: making(metadata) },
  ];
  return renderPage({
    title: `${dataset.name}: evaluation`,
    subtitle: `${report.recordings.items} ${side} recordings of split ${split}, model ${checkpoint.modelVersion} (epoch ${checkpoint.epoch}), ${dateAndTime(createdAt)}`,
    sections: sections.filter((section) => section !== null),
    footer: `Made by autobird ${metadata.versions.autobird} with LibTorch ${metadata.versions.libtorch}. The same figures for machines: report.json, confusion.csv.`,
  });
}

function glance({ report, split }: ReportPageInput): Html {
  const { recordings, clips, largestClassShare, unknownLabels, side } = report;
  const { before, after } = report.calibration;
  const error = Math.sqrt((recordings.accuracy * (1 - recordings.accuracy)) / Math.max(1, recordings.items));
  const cards = tiles([
    {
      value: percent(recordings.accuracy),
      label: 'of recordings right',
      note: `± ${percent(error)}; largest class alone ${percent(largestClassShare)}`,
    },
    { value: percent(recordings.balancedAccuracy), label: 'balanced accuracy', note: 'mean recall over the classes' },
    { value: percent(recordings.top3), label: 'among the best three', note: `macro F1 ${percent(recordings.macroF1)}` },
    {
      value: percent(clips.accuracy),
      label: 'of clips right',
      note: `${clips.items} clips of ${recordings.items - recordings.withoutPrediction} recordings`,
    },
    {
      value: percent(after.expectedCalibrationError),
      label: 'calibration error',
      note: `${percent(before.expectedCalibrationError)} before temperature`,
    },
  ]);
  const groupBy = groupByOf(split);
  const caveat = groupingCaveat(groupBy);
  const audio = describeAudio(report);
  const honest = notice(
    caveat === null && audio.length === 0 ? 'good' : 'warning',
    `${audio.length > 0 ? audio.join(' ') : 'Decoded from the original files.'} Scored as predict does it; a recording without a prediction counts as wrong. ${
      caveat ?? `No ${groupBy === 'session' ? 'session' : 'recorder and date'} is on two sides of the split.`
    }`,
  );
  const unknown =
    unknownLabels.length > 0
      ? notice('warning', `Never learned, but among the ${side} recordings, so all wrong: ${listed(unknownLabels)}.`)
      : nothing;
  const known = describeTrainedOn(report).map((line) => notice('warning', line));
  return html`${cards}${honest}${known}${unknown}`;
}

function learning({ history, report }: ReportPageInput): Section | null {
  if (history.length < 2) return null;
  const points = (value: (record: EpochRecord) => number | null) =>
    history.map((record): [number, number] => [record.epoch, value(record) ?? Number.NaN]);
  const hasValidation = history.some(({ valLoss }) => valLoss !== null);
  const losses = [
    { name: 'training', color: 2, points: points((record) => record.trainLoss) },
    ...(hasValidation ? [{ name: 'validation', color: 1, points: points((record) => record.valLoss) }] : []),
  ];
  const accuracies = [
    { name: 'training', color: 2, points: points((record) => record.trainAccuracy) },
    ...(hasValidation
      ? [
          { name: 'validation', color: 1, points: points((record) => record.valAccuracy) },
          { name: 'validation, balanced', color: 4, points: points((record) => record.valBalancedAccuracy) },
        ]
      : []),
  ];
  const charts = [
    figure(
      [legend(losses), lineChart(losses, { xLabel: 'epoch', yLabel: 'loss' })],
      'Loss. Training: of clips as they are augmented and mixed; validation: of whole recordings.',
    ),
    figure(
      [legend(accuracies), lineChart(accuracies, { xLabel: 'epoch', yLabel: 'share right', yRange: [0, 1] })],
      `Share right. Evaluated here: epoch ${report.checkpoint.epoch} of ${history.at(-1)?.epoch}.`,
    ),
  ];
  return { title: 'Learning', body: gallery(charts, 420) };
}

function classes({ recordings, noEventLabels }: Report, { dataset }: CheckpointMetadata): Html {
  const trained = new Map(dataset.counts.map(({ label, recordings: count }) => [label, count]));
  const named = recordings.perClass.map((one) =>
    noEventLabels.includes(one.label) ? { ...one, label: `${one.label} (no event)` } : one,
  );
  const bare = (label: string) => label.replace(/ \(no event\)$/, '');
  return classTable(named, { title: 'trained on', of: (label) => String(trained.get(bare(label)) ?? 0) });
}

function calibration({ calibration: { before, after, temperature, aggregation } }: Report): Html {
  const points = ({ bins }: typeof before) =>
    bins.filter(({ items }) => items > 0).map(({ confidence, accuracy }): [number, number] => [confidence, accuracy]);
  const series = [
    { name: 'before temperature', color: 2, points: points(before) },
    { name: 'after', color: 1, points: points(after) },
  ];
  const range = { xRange: [0, 1], yRange: [0, 1] } as const;
  const chart = lineChart(series, { xLabel: 'best score', yLabel: 'share right', ...range, diagonal: true });
  const row = (name: string, { expectedCalibrationError: error, loss }: typeof before) => [
    name,
    percent(error),
    loss === null ? '–' : loss.toFixed(3),
  ];
  const figures = table(
    [{ title: '' }, { title: 'calibration error', numeric: true }, { title: 'loss', numeric: true }],
    [row('before', before), row('after', after)],
  );
  return gallery(
    [
      figure(
        [legend(series), chart],
        'On the dashed line a score of 0.7 is right seven times in ten; below it the model is too sure.',
      ),
      figure(
        figures,
        `Temperature ${temperature.toFixed(2)}, fitted on the validation recordings; clips become a recording by ${aggregation}.`,
      ),
    ],
    380,
  );
}

function mistakes({ report, metadata, mistakes: shown }: ReportPageInput): Html {
  const wrong = report.predictions.filter(({ correct, error }) => !correct && error === null).length;
  if (wrong === 0) return html`<p>None.</p>`;
  if (shown.length === 0) return html`<p>${wrong}, none of them pictured.</p>`;
  const pictures = shown.map(({ result, startS, endS, image, sound }) => {
    const said = `${result.predicted} ${(result.top[0]?.score ?? 0).toFixed(2)}`;
    const own = result.labelScore === null ? 'not learned' : result.labelScore.toFixed(2);
    const text = html`<b style="color:var(--ink)">${said}</b>, is <b style="color:var(--good)">${result.label}</b> ${own}<br>${result.recording}`;
    return spectrogramFigure({
      image,
      sound,
      startS,
      endS,
      bands: metadata.features,
      alt: result.recording,
      caption: text,
    });
  });
  const all = wrong === 1 ? 'The only one' : `All ${wrong}`;
  const which = shown.length < wrong ? `The ${shown.length} surest of ${wrong} mistakes` : all;
  return html`<p>${which}, with the clip that had most of the wrong class: as the network sees it, and to play, made as loud as it can be.</p>${gallery(pictures, 290)}`;
}

function withoutPrediction({ predictions }: Report): Section | null {
  const failed = predictions.filter(({ error }) => error !== null);
  if (failed.length === 0) return null;
  const rows = failed.map(({ recording, label, error }) => [recording, label, error?.message ?? '']);
  return {
    title: 'No prediction',
    body: table(['recording', 'is', 'why'], rows),
  };
}

function making({ config, features, model, clips, dataset, labels, progress, versions }: CheckpointMetadata): Html {
  const group = (name: string) => (config[name] ?? {}) as Record<string, unknown>;
  const { batch_size: batchSize } = group('training');
  const { _target_: optimizer, lr } = group('optimizer');
  const heads =
    model.nLayers > 0
      ? `${model.nLayers} transformer layers of width ${model.dModel} with ${model.nHeads} heads`
      : 'no transformer layers';
  const rows = [
    ['Classes', `${labels.length} learned, ${dataset.leftOut.length} left out`],
    ...dataset.leftOut.map(({ label, reason }) => ['Left out', `${label}: ${reason}`]),
    [
      'Sound',
      `${features.sampleRateHz} Hz, ${features.nMels} mel bands from ${features.fMinHz} to ${features.fMaxHz} Hz, background: ${features.background}`,
    ],
    ['Clips', `${clips.lengthS} s every ${clips.hopS} s`],
    ['Network', `${model.stem} stem ${model.stemChannels.join('-')}, ${heads}, ${model.pooling.replace('_', ' ')}`],
    ['Training', `${progress.step} steps, batches of ${batchSize}, ${optimizer} with rate ${lr}`],
    ['Licences', dataset.licences.map(({ licence, recordings }) => `${licence} (${recordings})`).join(', ')],
    ['Made', `${dateAndTime(versions.createdAt)}, autobird ${versions.autobird}, Node ${versions.node}`],
  ];
  const all = html`<details><summary>The whole configuration</summary><pre style="overflow:auto;background:var(--panel);border-radius:.5rem;padding:1rem;font-size:.8rem">${JSON.stringify(config, null, 2)}</pre></details>`;
  return html`${table(['what', 'how'], rows)}${all}`;
}
