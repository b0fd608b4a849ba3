import { readFile } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JobResult } from '../../services/inference/JobResult.ts';
import type { RecordingResult } from '../../services/inference/predictionBody.ts';
import { recordingResultToJson, resultsAsText } from '../../services/inference/predictionBody.ts';
import { DiskFullError } from '../../services/jobs/DiskRoom.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const labels = ['wren', 'robin', 'noise'];
const model = {
  name: 'm',
  classifier: { labels, noEventLabels: ['noise'], features: { fMinHz: 20, fMaxHz: 8000, sampleRateHz: 16_000 } },
} as unknown as Extract<RecordingResult, { model: unknown }>['model'];

function resultOf(name: string, clips: number): RecordingResult {
  const scores = Float32Array.of(0.5, 0.25, 0.125);
  const prediction = {
    ...{
      recording: name,
      durationS: clips,
      recordedAt: null,
      warnings: ['a "clips":[] in a warning'],
      topLabel: 'wren',
    },
    ...{ labels, scores, modelVersion: 'v', embedding: null, decodeMs: 1 },
    detections: [{ startS: 0, endS: 1, lowHz: null, highHz: null, label: 'wren', score: 0.5, at: null }],
    clips: Array.from({ length: clips }, (_, startS) => ({ startS, endS: startS + 1, peak: 1, activity: 1, scores })),
  };
  return { model, prediction } as unknown as RecordingResult;
}

const failed: RecordingResult = { recording: 'bad.wav', error: { code: 'not_audio', message: 'no' } };

test('a result that is written piece by piece is what it would be as a whole', () =>
  withTempDir(async (dir) => {
    for (const results of [
      [failed, resultOf('a.wav', 70_000), failed, resultOf('b.wav', 1)],
      [failed],
      [resultOf('c.wav', 0)],
    ]) {
      let pieces = 0;
      const names = results.map((each) => ('error' in each ? each.recording : each.prediction.recording));
      const query = { clips: true, top_k: 2 };
      const pathOf = (format: string) => `${dir}/${format}`;
      const take = async () => {
        pieces++;
      };
      const result = await JobResult.open({ pathOf, requestId: 'r', names, query, take });
      for (const each of results) await result.add(each);
      await result.end();
      await result.close();
      const whole = { request_id: 'r', predictions: results.map((each) => recordingResultToJson(each, query)) };
      assert.is(await readFile(`${dir}/json`, 'utf8'), JSON.stringify(whole));
      for (const format of ['csv', 'raven'] as const) {
        assert.is(await readFile(`${dir}/${format}`, 'utf8'), resultsAsText(results, format, query));
      }
      assert.ok(pieces >= (results.length === 4 ? 12 : 4), `${pieces} pieces`);
    }
  }));

test('a result that finds no room says so', () =>
  withTempDir(async (dir) => {
    const take = async () => {
      throw new DiskFullError('service.jobs.max_total_bytes');
    };
    const options = { pathOf: (format: string) => `${dir}/${format}`, requestId: 'r', names: [], query: {}, take };
    const failure = await JobResult.open(options).catch((error) => error);
    assert.is(failure.code, 'disk_full');
  }));

test.run();
