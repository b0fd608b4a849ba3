import { dirname, join } from 'node:path';
import { ShardSet } from '../../bindings/index.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ClipPrediction, Prediction, Recording, Split } from '../domain.ts';
import type { Answer } from '../evaluation/evaluate.ts';
import { type Report, reportSchema } from '../evaluation/report.ts';
import { writeFileAtomic, writeJson } from '../files.ts';
import { Run } from '../run/Run.ts';
import { encode } from '../schema/case.ts';
import { confusionCsv } from './confusionCsv.ts';
import { modelCard } from './modelCard.ts';
import { pngDataUrl } from './png.ts';
import { type Mistake, reportPage } from './reportPage.ts';
import { spectrogramPng } from './spectrogram.ts';

export interface WriteReportInput {
  readonly report: Report;
  readonly checkpoint: Checkpoint;
  readonly dataset: Dataset;
  readonly split: Split;
  /** In the order of `predictions`. */
  readonly recordings: readonly Recording[];
  readonly predictions: readonly Answer[];
  /** At most so many mistakes are shown. */
  readonly mistakes: number;
}

/** Writes `report.html`, `confusion.csv`, `model_card.md` and, last, `report.json`. */
export async function writeReport(dir: string, input: WriteReportInput): Promise<void> {
  const { report, checkpoint, dataset, split } = input;
  const { metadata } = checkpoint;
  const history = await historyOf(checkpoint.path, metadata.progress.history);
  const mistakes = await pictureMistakes(input);
  await writeFileAtomic(join(dir, 'report.html'), reportPage({ report, metadata, split, history, mistakes }));
  await writeFileAtomic(join(dir, 'confusion.csv'), confusionCsv(report.recordings.confusion));
  await writeFileAtomic(join(dir, 'model_card.md'), modelCard(report, checkpoint, dataset, split));
  await writeJson(join(dir, 'report.json'), encode(reportSchema, report));
}

/** The best checkpoint knows the epochs up to its own; its run folder knows those after it. */
async function historyOf(path: string, known: readonly EpochRecord[]): Promise<readonly EpochRecord[]> {
  const all = await new Run(dirname(dirname(path))).metrics().catch(() => []);
  const isSameRun = known.every(
    ({ epoch, trainLoss }, i) => all[i]?.epoch === epoch && all[i]?.trainLoss === trainLoss,
  );
  return isSameRun ? all : known;
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
  using shards = ShardSet.open(entries, features);
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
