import { join } from 'node:path';
import { ShardSet } from '../../bindings/index.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ClipPrediction, FailedPrediction, Prediction, Recording, Split } from '../domain.ts';
import { writeFileAtomic, writeJson } from '../files.ts';
import { encode } from '../schema/case.ts';
import { confusionCsv } from './confusionCsv.ts';
import { modelCard } from './modelCard.ts';
import { pngDataUrl } from './png.ts';
import { type Report, reportSchema } from './report.ts';
import { type Mistake, reportPage } from './reportPage.ts';
import { spectrogramPng } from './spectrogram.ts';

export interface WriteReportInput {
  readonly report: Report;
  readonly checkpoint: Checkpoint;
  readonly dataset: Dataset;
  readonly split: Split;
  /** In the order of `predictions`. */
  readonly recordings: readonly Recording[];
  readonly predictions: readonly (Prediction | FailedPrediction)[];
  /** At most so many mistakes are shown. */
  readonly mistakes: number;
  /** All validated epochs of the run, as far as known. */
  readonly history: readonly EpochRecord[];
}

/** Writes `report.html`, `confusion.csv`, `model_card.md` and, last, `report.json`. */
export async function writeReport(dir: string, input: WriteReportInput): Promise<void> {
  const { report, checkpoint, dataset, split, history } = input;
  const { metadata } = checkpoint;
  const mistakes = await pictureMistakes(input);
  await writeFileAtomic(join(dir, 'report.html'), reportPage({ report, metadata, split, history, mistakes }));
  await writeFileAtomic(join(dir, 'confusion.csv'), confusionCsv(report.recordings.confusion));
  await writeFileAtomic(join(dir, 'model_card.md'), modelCard(report, checkpoint, dataset, split));
  await writeJson(join(dir, 'report.json'), encode(reportSchema, report));
}

/** The surest mistakes with the clip that spoke most for the wrong answer, heard as the network hears it. */
async function pictureMistakes(input: WriteReportInput): Promise<Mistake[]> {
  const { report, recordings, predictions, dataset, checkpoint } = input;
  const { features } = checkpoint.metadata;
  // The dataset's samples are at its own rate: another rate would be another picture.
  if (dataset.manifest.sampleRateHz !== features.sampleRateHz) return [];
  const shown = report.predictions
    .map((result, index) => ({ result, index }))
    .filter(({ result }) => !result.correct && result.error === null)
    .sort((a, b) => (b.result.top[0]?.score ?? 0) - (a.result.top[0]?.score ?? 0))
    .slice(0, input.mistakes);
  if (shown.length === 0) return [];
  const entries = await dataset.shardEntries(shown.map(({ index }) => recordings[index] as Recording));
  using shards = await ShardSet.open(entries, features);
  const pictures: Mistake[] = [];
  for (const [entry, { result, index }] of shown.entries()) {
    const clip = loudestFor(result.predicted as string, predictions[index] as Prediction);
    const start = Math.round(clip.startS * features.sampleRateHz);
    const samples = Math.round((clip.endS - clip.startS) * features.sampleRateHz);
    const { data, mels } = await shards.logMel(entry, start, samples);
    const image = pngDataUrl(spectrogramPng(data, mels));
    pictures.push({ result, startS: clip.startS, endS: clip.endS, image });
  }
  return pictures;
}

function loudestFor(label: string, { labels, clips }: Prediction): ClipPrediction {
  const c = labels.indexOf(label);
  return clips.reduce((best, clip) => ((clip.scores[c] as number) > (best.scores[c] as number) ? clip : best));
}
