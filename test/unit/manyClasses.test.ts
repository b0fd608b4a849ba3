/** Reports of thousands of classes: a matrix of them all would be longer than a string can be. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { Dataset } from '../../src/data/dataset.ts';
import type { DatasetManifest, Recording, Split } from '../../src/domain.ts';
import { ReportTally } from '../../src/evaluation/ReportTally.ts';
import { readJson } from '../../src/files.ts';
import { randomFor } from '../../src/random.ts';
import { parseReport, type Report } from '../../src/reports/report.ts';
import { writeReport } from '../../src/reports/writeReport.ts';
import { writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const classes = 2000;
const items = 6000;

test('a report of 2,000 classes is made, of bounded size, and shows those that are confused', () =>
  withTempDir(async (dir) => {
    const labels = Array.from({ length: classes }, (_, c) => `Species number ${String(c).padStart(4, '0')}`);
    const checkpoint = await readCheckpoint(
      await writeTinyModel(join(dir, 'best.safetensors'), { labels, noEventLabels: [] }),
    );
    const recordings = Array.from(
      { length: items },
      (_, i) => ({ path: `${i}.wav`, label: labels[i % classes], durationS: 3, session: null }) as Recording,
    );
    const random = randomFor(4, 'many classes');
    const tally = new ReportTally(checkpoint.metadata, recordings, 10);
    for (const [i, recording] of recordings.entries()) {
      const scores = new Float32Array(classes).fill(0.5 / classes);
      // A third is wrong, mostly for a neighbour.
      const truth = i % classes;
      const called = random.next() < 0.67 ? truth : random.next() < 0.8 ? (truth + 1) % 50 : random.int(classes);
      scores[called] = 0.5;
      const clips = [{ startS: 0, endS: 3, scores, activity: 0, peak: 1 }];
      const prediction = {
        recording: '',
        durationS: 3,
        recordedAt: null,
        warnings: [],
        labels,
        scores,
        topLabel: null,
        clips,
      };
      const rest = {
        detections: [],
        modelVersion: '',
        driftFeatures: { melMean: 0, melStd: 0, energyMean: 0, energyStd: 0 },
      };
      tally.add({ recording, prediction: { ...prediction, ...rest, embedding: null, decodeMs: 0 }, fromShard: true });
    }
    const report: Report = {
      formatVersion: 3,
      createdAt: '2026-01-01T00:00:00Z',
      checkpoint: { modelVersion: checkpoint.modelVersion, epoch: 1, trainedAt: '2026-01-01T00:00:00Z' },
      dataset: { id: '0123456789abcdef', name: 'many' },
      split: 'recording-val10-test15-seed4',
      side: 'test',
      leftOut: 0,
      leftOutSelection: 0,
      sameSplit: true,
      ...tally.report(),
    };
    const dataset = new Dataset(
      dir,
      { name: 'many', rawDir: 'raw', sampleRateHz: 16000 } as DatasetManifest,
      recordings,
    );
    const counts = { train: 0, val: 0, test: items };
    const split = { name: report.split, options: {}, assignments: [], counts } as unknown as Split;
    await writeReport(dir, { report, checkpoint, dataset, split, mistakes: [], history: [] });

    const page = await readFile(join(dir, 'report.html'), 'utf8');
    assert.match(page, 'The 60 of 2000 classes that are confused most');
    const bytes = async (name: string) => (await stat(join(dir, name))).size;
    assert.ok((await bytes('report.html')) < 4e6, `${await bytes('report.html')}`);
    assert.ok((await bytes('report.json')) < 6e6, `${await bytes('report.json')}`);
    assert.ok((await bytes('confusion.csv')) < 1e6, `${await bytes('confusion.csv')}`);
    const csv = await readFile(join(dir, 'confusion.csv'), 'utf8');
    const rows = csv.trim().split('\r\n').slice(1);
    const count = rows.reduce((sum, row) => sum + Number(row.split(',')[2]), 0);
    assert.is(count, items, 'every recording is in a row');
    const path = join(dir, 'report.json');
    assert.equal(parseReport(await readJson(path), path), report);
  }));

test.run();
