/** What the page computes itself is what the library says. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LogMel } from '../../bindings/index.ts';
import type { FeatureOptions } from '../../bindings/native.ts';
import { openAudio } from '../../src/audio/openAudio.ts';
import { outputFormats } from '../../src/formats/index.ts';
import { resultFromJson } from '../../src/formats/json.ts';
import { detectionsOf } from '../../src/scoring/detections.ts';

// Scripts for browsers, which TypeScript checks with their own globals.
const lib = (name: string) => import(new URL(`../../services/web/page/lib/${name}.js`, import.meta.url).href);
const page = {
  ...(await lib('detections')),
  ...(await lib('tables')),
  ...(await lib('wav')),
  ...(await lib('scale')),
  ...(await lib('format')),
};

const labels = ['wren', 'a "quoted", name', ' robin', 'noise'];
const noEventLabels = ['noise'];
const bands = { count: 32, min_hz: 50, max_hz: 8000 };

const score = fc.integer({ min: 0, max: 1_000_000 }).map((millionths) => millionths / 1e6);
const answers = fc
  .record({
    recording: fc.constantFrom('a.wav', 'a, "b".wav', 'tab\there.wav', ' spaced.wav'),
    hop_s: fc.constantFrom(0.1, 0.5, 1, 1.5),
    recorded_at: fc.constantFrom(null, '2026-05-01', '2026-05-01T06:30:00', '2026-05-01T06:30:00.250+02:00'),
    scores: fc.array(fc.array(score, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
    peaks: fc.array(fc.constantFrom(0, 0.00002, 0.00003, 1), { minLength: 12, maxLength: 12 }),
    top: fc.integer({ min: -1, max: 2 }),
  })
  .map(({ recording, hop_s, recorded_at, scores, peaks, top }) => ({
    recording,
    duration_s: Math.round(1e6 * hop_s * (scores.length - 0.5)) / 1e6,
    recorded_at,
    warnings: [],
    top_label: labels[top] ?? null,
    model_version: 'abc',
    labels,
    scores: Object.fromEntries(labels.map((label, i) => [label, scores[0]?.[i] ?? 0])),
    clips: scores.map((row, i) => ({
      start_s: i * hop_s,
      end_s: i * hop_s + 1,
      activity: 0,
      peak: peaks[i] ?? 1,
      scores: row,
    })),
  }));
const choices = fc.record({ minScore: score, topK: fc.integer({ min: 1, max: 4 }) });

test('detections are the library’s, whatever the least score', () => {
  fc.assert(
    fc.property(answers, choices, (answer, choice) => {
      const clips = answer.clips.map(({ start_s, end_s, ...rest }) => ({
        ...rest,
        startS: start_s,
        endS: end_s,
        scores: rest.scores as unknown as Float32Array,
      }));
      const options = {
        labels,
        noEventLabels,
        merge: true,
        durationS: answer.duration_s,
        recordedAt: answer.recorded_at,
      };
      const expected = detectionsOf(clips, { ...options, ...choice });
      assert.equal(
        page.detectionsOf(answer, { ...choice, noEventLabels }),
        expected.map(({ startS, endS, label, score: best, at }) => ({
          start_s: startS,
          end_s: endS,
          label,
          score: best,
          at,
        })),
      );
    }),
    { numRuns: 500 },
  );
});

test('tables are the library’s to the byte', () => {
  fc.assert(
    fc.property(fc.array(answers, { minLength: 1, maxLength: 3 }), choices, (all, choice) => {
      const results = all.map((answer) => ({
        answer,
        detections: page.detectionsOf(answer, { ...choice, noEventLabels }),
        best: page.bestLabels(answer, noEventLabels, 1)[0],
        bands,
      }));
      const context = {
        labels,
        noEventLabels,
        topK: 3,
        lowHz: 50,
        highHz: 8000,
        names: [],
        width: 100,
        root: '/',
        uploads: true,
        clips: false,
      };
      const write = (format: 'csv' | 'raven') => {
        const writer = outputFormats[format].open(context);
        const rows = results.map(({ answer, detections }) => {
          const boxed = detections.map((detection: object) => ({ ...detection, low_hz: null, high_hz: null }));
          const { labels: _labels, clips: _clips, ...rest } = answer;
          return writer.write(withExactScores(resultFromJson({ ...rest, detections: boxed }, labels), answer.scores));
        });
        return writer.begin() + rows.join('') + writer.end();
      };
      assert.is(page.toCsv(results), write('csv'));
      assert.is(page.toRaven(results), write('raven'));
    }),
    { numRuns: 200 },
  );
});

test('a recording is a WAV file that the decoders read back', async () => {
  const samples = Float32Array.from({ length: 5000 }, (_, i) => 1.2 * Math.sin(i / 20));
  const file = new Uint8Array(page.encodeWav([samples.subarray(0, 2048), samples.subarray(2048)], 48000));
  const audio = await openAudio(file);
  const read: number[] = [];
  for await (const block of audio.samplesAt(48000)) read.push(...block);
  assert.is(audio.info.sampleRateHz, 48000);
  assert.is(read.length, samples.length);
  const worst = read.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - Math.max(-1, Math.min(1, samples[i] as number)))),
    0,
  );
  assert.ok(worst < 1e-4, String(worst));
  audio.close();
});

test('frequencies stand where the bands have them', async () => {
  const features: FeatureOptions = {
    sampleRateHz: 16000,
    nFft: 2048,
    hopSamples: 512,
    nMels: 32,
    fMinHz: 50,
    fMaxHz: 8000,
    logOffset: 1e-6,
    background: 'none',
  };
  using logMel = new LogMel(features);
  for (const hz of [300, 1000, 2500, 5000, 7000]) {
    const { data, frames } = await logMel.compute(
      Float32Array.from({ length: 16000 }, (_, i) => Math.sin((2 * Math.PI * hz * i) / 16000)),
    );
    const means = Array.from({ length: 32 }, (_, band) =>
      data.subarray(band * frames, (band + 1) * frames).reduce((a, b) => a + b, 0),
    );
    const loudest = means.indexOf(Math.max(...means));
    const row = page.heightOf(hz, bands) * bands.count - 0.5;
    assert.ok(Math.abs(row - loudest) <= 0.75, `${hz} Hz is loudest in band ${loudest} and drawn at ${row}`);
  }
});

test('what overlaps has lanes of its own, and what does not shares them', () => {
  const stretch = (start_s: number, end_s: number) => ({ start_s, end_s });
  assert.equal(page.lanesOf([stretch(0, 2), stretch(1, 3), stretch(2, 4), stretch(2.5, 3)]), [0, 1, 0, 2]);
});

test('shares are not made rounder than they are', () => {
  const shown = [0, 0.002, 0.25, 0.99, 0.9999, 1, null].map((share) => page.percent(share));
  assert.equal(shown, ['0\u00a0%', '<\u00a01\u00a0%', '25\u00a0%', '99\u00a0%', '99.9\u00a0%', '100\u00a0%', '–']);
  assert.is(page.clock(65.34), '1:05.3');
  assert.is(page.clock(59.96), '1:00.0');
});

test.run();

/** The page has scores as JSON gives them; a Float32Array would round them once more. */
function withExactScores<Result extends object>(result: Result, scores: Readonly<Record<string, number>>): Result {
  return { ...result, scores: labels.map((label) => scores[label] ?? 0) };
}
