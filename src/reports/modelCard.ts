import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recording, Split } from '../domain.ts';
import { percent } from '../formats/percentAndClock.ts';
import { groupByOf, groupingCaveat } from '../keptTogether.ts';
import { describeAudio, describeTrainedOn } from './describeReport.ts';
import type { Report } from './report.ts';
import { listed } from './reportParts.ts';

/** `model_card.md`: what the model was made of, how good it is, and what it must not be used for. */
export function modelCard(report: Report, checkpoint: Checkpoint, dataset: Dataset, split: Split): string {
  const { metadata, modelVersion } = checkpoint;
  const { labels, noEventLabels, features, clips, versions } = metadata;
  const learned = labels.filter((label) => !noEventLabels.includes(label));
  const sections = [
    `# Model card: ${dataset.manifest.name}, ${modelVersion}`,
    [
      `A classifier of ${learned.length} classes for sound recordings, made with autobird ${versions.autobird} on ${versions.createdAt.slice(0, 10)}.`,
      `It predicts from mono sound at ${features.sampleRateHz} Hz, ${features.fMinHz} to ${features.fMaxHz} Hz, in clips of ${clips.lengthS} s every ${clips.hopS} s; clips become a recording's score by \`${metadata.aggregation}\`.`,
    ].join('\n'),
    '## Data',
    dataLines(checkpoint, dataset, split),
    '## Figures',
    figureLines(report, split),
    '## Limits',
    limitLines(report, checkpoint, split),
    '## Intended use',
    [
      'Sorting and screening recordings like those it was trained on: same species, region, season and equipment.',
      'A score is calibrated on the validation recordings of this set; elsewhere it is a ranking, not a probability.',
      'Every detection that matters (a first record, a rare species, a decision about land) needs a person who listens to it.',
    ].join('\n'),
  ];
  return `${sections.join('\n\n')}\n`;
}

function dataLines({ metadata }: Checkpoint, dataset: Dataset, split: Split): string {
  const training = dataset.onSide(split, 'train');
  const { counts, licences, leftOut, id } = metadata.dataset;
  const lines = [
    `- Dataset \`${dataset.manifest.name}\` (\`${id}\`): ${dataset.recordings.length} recordings, ${hours(dataset.recordings)}; split \`${split.name}\`: ${split.counts.train} to train, ${split.counts.val} to validate, ${split.counts.test} to test.`,
    `- Trained on ${training.length} recordings (${hours(training)}) of ${sessions(training)}.`,
    `- Licences of the training recordings: ${licences.map(({ licence, recordings }) => `${licence} (${recordings})`).join('; ')}. They bind whoever passes the model on.`,
  ];
  if (leftOut.length > 0) {
    lines.push(`- Not learned: ${listed(leftOut.map(({ label, reason }) => `${label} (${reason})`))}.`);
  }
  const rows = counts.map(({ label, clips, recordings }) => `| ${label} | ${recordings} | ${clips} |`);
  return [...lines, '', '| class | training recordings | training clips |', '| --- | ---: | ---: |', ...rows].join(
    '\n',
  );
}

function figureLines(report: Report, split: Split): string {
  const { recordings, clips, calibration } = report;
  const what = { session: 'session', recorder_date: 'recorder and date', recording: 'recording' }[groupByOf(split)];
  const row = (name: string, a: string, b: string) => `| ${name} | ${a} | ${b} |`;
  return [
    `On the ${report.side} recordings of the split (no ${what} is on two sides); a recording without a prediction counts as wrong.`,
    '',
    row('', `${recordings.items} recordings`, `${clips.items} clips`),
    '| --- | ---: | ---: |',
    row('accuracy', percent(recordings.accuracy), percent(clips.accuracy)),
    row('balanced accuracy', percent(recordings.balancedAccuracy), percent(clips.balancedAccuracy)),
    row('macro F1', percent(recordings.macroF1), percent(clips.macroF1)),
    row('among the three best', percent(recordings.top3), percent(clips.top3)),
    '',
    `Always naming the most frequent class would be right for ${percent(report.largestClassShare)} of the recordings.`,
    `Expected calibration error ${percent(calibration.before.expectedCalibrationError)} before and ${percent(calibration.after.expectedCalibrationError)} after temperature ${calibration.temperature.toFixed(2)}.`,
  ].join('\n');
}

function limitLines(report: Report, { metadata }: Checkpoint, split: Split): string {
  const { perClass, items } = report.recordings;
  const standardError = Math.sqrt((report.recordings.accuracy * (1 - report.recordings.accuracy)) / Math.max(1, items));
  const weak = perClass.filter(({ recall, support }) => support > 0 && (recall ?? 0) < 0.5).map(({ label }) => label);
  const untested = metadata.labels.filter((label) => !perClass.some((one) => one.label === label && one.support > 0));
  const lines = [
    `- The accuracy has a standard error of about ${percent(standardError)}: ${items} recordings were judged.`,
  ];
  if (weak.length > 0) lines.push(`- Found in less than half of their recordings: ${listed(weak)}.`);
  if (untested.length > 0) lines.push(`- Never tested, for want of ${report.side} recordings: ${listed(untested)}.`);
  if (report.unknownLabels.length > 0) lines.push(`- In the test but not learned: ${listed(report.unknownLabels)}.`);
  lines.push(...[...describeAudio(report), ...describeTrainedOn(report)].map((line) => `- ${line}`));
  if (metadata.noEventLabels.length === 0) {
    lines.push('- It was never taught what "nothing" sounds like: it names a class for wind, rain and silence too.');
  }
  if (groupingCaveat(groupByOf(split)) !== null) {
    lines.push('- Recordings of one session may be on both sides of the split: elsewhere it will do worse than here.');
  }
  lines.push('- A species, region or device that is not in the training data is named as one that is.');
  return lines.join('\n');
}

function sessions(recordings: readonly Recording[]): string {
  const known = new Set(recordings.flatMap(({ session }) => (session === null ? [] : [session])));
  const without = recordings.filter(({ session }) => session === null).length;
  if (known.size === 0) return 'unknown sessions';
  return `${known.size} sessions${without > 0 ? ` (${without} recordings of unknown ones)` : ''}`;
}

function hours(recordings: readonly Recording[]): string {
  const minutes = recordings.reduce((sum, { durationS }) => sum + durationS, 0) / 60;
  return minutes < 120 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}
