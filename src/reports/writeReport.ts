import { join } from 'node:path';
import { ShardSet } from '../../bindings/index.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recording, Split } from '../domain.ts';
import { writeFileAtomic, writeJson } from '../files.ts';
import { encode } from '../schema/case.ts';
import { confusionCsv } from './confusionCsv.ts';
import { modelCard } from './modelCard.ts';
import { pngDataUrl } from './png.ts';
import { type RecordingResult, type Report, reportSchema } from './report.ts';
import { type Mistake, reportPage } from './reportPage.ts';
import { soundDataUrl } from './sound.ts';
import { spectrogramPng } from './spectrogram.ts';

/** A recording that was called something else, and the clip with the highest score of that. */
export interface MistakenClip {
  readonly recording: Recording;
  readonly result: RecordingResult;
  readonly startS: number;
  readonly endS: number;
}

export interface WriteReportInput {
  readonly report: Report;
  readonly checkpoint: Checkpoint;
  readonly dataset: Dataset;
  readonly split: Split;
  /** Shown with their spectrograms. */
  readonly mistakes: readonly MistakenClip[];
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

async function pictureMistakes({ mistakes, dataset, checkpoint }: WriteReportInput): Promise<Mistake[]> {
  const { features } = checkpoint.metadata;
  // The dataset's samples are at its own rate: another rate would be another picture.
  if (dataset.manifest.sampleRateHz !== features.sampleRateHz || mistakes.length === 0) return [];
  const entries = await dataset.shardEntries(mistakes.map(({ recording }) => recording));
  using shards = await ShardSet.open(entries, features);
  const pictures: Mistake[] = [];
  for (const [entry, { result, startS, endS }] of mistakes.entries()) {
    const start = Math.round(startS * features.sampleRateHz);
    const samples = Math.round((endS - startS) * features.sampleRateHz);
    const { data, mels } = await shards.logMel(entry, start, samples);
    const sound = soundDataUrl(await shards.readPcm(entry, start, samples), features.sampleRateHz);
    pictures.push({ result, startS, endS, image: pngDataUrl(spectrogramPng(data, mels)), sound });
  }
  return pictures;
}
