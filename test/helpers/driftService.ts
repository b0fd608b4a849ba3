/** A drift service beside a model that keeps its recordings and a log that is as a test wants it. */
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { composeDriftConfig, type DriftServiceConfig } from '../../services/drift/config.ts';
import { createDriftService } from '../../services/drift/createDriftService.ts';
import type { LogEntry } from '../../services/predictionLog/entry.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import type { ReferenceRow } from '../../src/checkpoint/reference.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import type { DriftFeatures } from '../../src/domain.ts';
import { Classifier } from '../../src/prediction/Classifier.ts';
import { randomFor } from '../../src/random.ts';
import { indexOfLargest } from '../../src/vectors.ts';
import { chirpWav, writeTinyModel } from './tinyModel.ts';
import { withTempDir } from './withTempDir.ts';

/** Writes `<dir>/tiny.safetensors`, which keeps how it hears `count` recordings in `<dir>/known`; every fourth is held out. */
export async function writeKnowingModel(dir: string, count = 40): Promise<{ path: string; recordings: string[] }> {
  const path = await writeTinyModel(join(dir, 'tiny.safetensors'));
  const recordings = Array.from({ length: count }, (_, i) => join(dir, 'known', `${i}.wav`));
  await mkdir(join(dir, 'known'), { recursive: true });
  for (const [i, name] of recordings.entries()) await writeFile(name, chirpWav(1.2, { seed: i + 1 }));
  const reference: ReferenceRow[] = [];
  using classifier = await Classifier.open(path);
  for (const [i, name] of recordings.entries()) {
    const heard = await classifier.predictFile(name, { embedding: true, driftFeatures: true });
    const best = indexOfLargest(heard.scores);
    reference.push({
      heldOut: i % 4 === 3,
      driftFeatures: heard.driftFeatures as DriftFeatures,
      target: i % 2 === 0 ? 'wren' : 'robin',
      prediction: heard.labels[best] as string,
      confidence: heard.scores[best] as number,
      embedding: heard.embedding as Float32Array,
    });
  }
  const { tensors, statistics, metadata } = await readCheckpoint(path);
  await writeCheckpoint(path, { tensors, statistics, metadata, reference });
  return { path, recordings };
}

/** Rows as the inference service writes them, a second apart. */
export async function writeLogRows(
  path: string,
  rows: readonly { readonly features: DriftFeatures; readonly label: string | null; readonly confidence: number }[],
  { modelVersion = '', fromMs = Date.UTC(2026, 0, 1), everyMs = 1000 } = {},
): Promise<void> {
  const log = await PredictionLog.open({ path });
  const entries = rows.map(
    ({ features, label, confidence }, i): LogEntry => ({
      requestId: `${fromMs}-${i}`,
      part: 0,
      time: new Date(fromMs + i * everyMs),
      route: '/classify/',
      fileName: `${i}.wav`,
      fileSha256: '0'.repeat(64),
      fileBytes: 1,
      durationS: 1,
      place: null,
      model: 'tiny',
      modelVersion,
      shadow: false,
      label,
      score: confidence,
      scores: null,
      labels: null,
      clips: 1,
      receiveMs: 1,
      predictMs: 1,
      decodeMs: 1,
      driftFeatures: features,
      errorCode: null,
      audio: null,
    }),
  );
  await Promise.all(entries.map((entry) => log.append(entry)));
  await log.close();
}

/** Rows that the checkpoint keeps, in another order, all but one feature larger by `shift`; none twice before all were there. */
export async function drawnRows(checkpoint: string, count: number, { seed = 1, shift = 0 } = {}) {
  const { reference, metadata } = await readCheckpoint(checkpoint);
  const known = reference ?? [];
  const order = randomFor(seed, 'drawn rows').permutation(known.length);
  return Array.from({ length: count }, (_, i) => {
    const { driftFeatures, prediction, confidence } = known[order[i % order.length] as number] as ReferenceRow;
    const { melMean, melStd, energyMean, energyStd } = driftFeatures;
    return {
      features: { melMean: melMean + shift, melStd: melStd + shift, energyMean: energyMean + shift, energyStd },
      label: metadata.noEventLabels.includes(prediction) ? null : prediction,
      confidence,
    };
  });
}

export function driftConfig(dir: string, overrides: readonly string[]): DriftServiceConfig {
  return composeDriftConfig([
    'service.log_level=silent',
    `service.log.path=${dir}/log.db`,
    `service.models_dir=${dir}`,
    `drift.monitor.state=${dir}/drift.db`,
    'drift.monitor.settle_s=0',
    'drift.window.rows=20',
    'drift.window.min_rows=10',
    ...overrides,
  ]);
}

export interface RunningDriftService {
  readonly url: string;
  readonly management: FastifyInstance;
}

export async function runDriftService(
  config: DriftServiceConfig,
  use: (service: RunningDriftService) => Promise<void>,
): Promise<void> {
  const { app, management } = await createDriftService(config, pino({ level: 'silent' }));
  try {
    await app.listen({ host: '127.0.0.1', port: 0 });
    await use({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, management });
  } finally {
    await app.close();
    await management.close();
  }
}

/** `use` with a knowing model and its service; `DIR` in overrides is its folder. */
export async function withKnowingModel(
  use: (model: { dir: string; path: string; version: string; recordings: readonly string[] }) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const { path, recordings } = await writeKnowingModel(dir);
    const { modelVersion: version } = await readCheckpoint(path);
    await use({ dir, path, version, recordings });
  });
}
