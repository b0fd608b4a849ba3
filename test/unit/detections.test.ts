import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { timeAt } from '../../src/absoluteTime.ts';
import type { ClipPrediction } from '../../src/domain.ts';
import { detectionsOf } from '../../src/scoring/detections.ts';
import { describeEmptyClips } from '../../src/scoring/emptyClips.ts';

const labels = ['wren', 'robin', 'noise'];
const clip = (startS: number, ...scores: number[]): ClipPrediction => ({
  startS,
  endS: startS + 5,
  scores: Float32Array.from(scores),
  activity: 0,
  peak: 1,
});
const options = {
  labels,
  noEventLabels: ['noise'],
  minScore: 0.5,
  topK: 3,
  merge: true,
  durationS: 20,
  recordedAt: null,
};

test('overlapping clips of one label become one detection with the best score', () => {
  const found = detectionsOf([clip(0, 0.75, 0, 0), clip(2.5, 0.875, 0, 0), clip(5, 0.5, 0, 0)], options);
  assert.equal(
    found.map(({ startS, endS, label, score }) => [startS, endS, label, score]),
    [[0, 10, 'wren', 0.875]],
  );
});

test('a gap, or another label between two clips that do not touch, ends a detection', () => {
  const clips = [clip(0, 0.75, 0, 0), clip(5, 0, 0.75, 0), clip(10, 0.75, 0, 0)];
  assert.equal(
    detectionsOf(clips, options).map(({ startS, endS, label }) => [startS, endS, label]),
    [
      [0, 5, 'wren'],
      [5, 10, 'robin'],
      [10, 15, 'wren'],
    ],
  );
});

test('clips that touch in spite of rounding are neighbours', () => {
  const third = { startS: 0.1 + 0.2, endS: 0.6, scores: Float32Array.of(0.75, 0, 0), activity: 0, peak: 1 };
  const first = { startS: 0, endS: 0.3, scores: Float32Array.of(0.75, 0, 0), activity: 0, peak: 1 };
  assert.is(detectionsOf([first, third], options).length, 1);
});

test('without merging every clip is a detection of its own', () => {
  const clips = [clip(0, 0.75, 0, 0), clip(2.5, 0.75, 0, 0)];
  assert.is(detectionsOf(clips, { ...options, merge: false }).length, 2);
});

test('a no-event label is never reported, however sure the model is', () => {
  assert.equal(detectionsOf([clip(0, 0.1, 0.1, 1)], options), []);
  assert.equal(
    detectionsOf([clip(0, 0, 0, 1)], { ...options, minScore: 0 }).map(({ label }) => label),
    ['wren', 'robin'],
  );
});

test('a score equal to the minimum counts, and topK keeps the best labels of a clip', () => {
  assert.is(detectionsOf([clip(0, 0.5, 0, 0)], options).length, 1);
  const [only, ...others] = detectionsOf([clip(0, 0.5, 0.75, 0)], { ...options, topK: 1 });
  assert.is(only?.label, 'robin');
  assert.equal(others, []);
});

test('a detection ends where the recording ends', () => {
  assert.is(detectionsOf([clip(0, 1, 0, 0)], { ...options, durationS: 1.25 })[0]?.endS, 1.25);
});

test('detections carry the time of day when the recording does', () => {
  const [found] = detectionsOf([clip(2.5, 1, 0, 0)], { ...options, recordedAt: '2024-05-01T23:59:58+02:00' });
  assert.is(found?.at, '2024-05-02T00:00:00.500+02:00');
});

test('a time without a zone stays without one, and a date alone says nothing about the moment', () => {
  assert.is(timeAt('2024-05-01T06:30:00', 90), '2024-05-01T06:31:30');
  assert.is(timeAt('2024-05-01T06:30', 0), '2024-05-01T06:30:00');
  assert.is(timeAt('2024-05-01T06:30:00.250Z', 0.5), '2024-05-01T06:30:00.750Z');
  assert.is(timeAt('2024-05-01', 5), null);
  assert.is(timeAt(null, 5), null);
});

test('a clip of digital silence, or one that hardly begins before the recording ends, gives no detection', () => {
  const silent = { ...clip(5, 0.75, 0, 0), peak: 2e-5 };
  const found = detectionsOf([clip(0, 0.75, 0, 0), silent, clip(19.95, 0.75, 0, 0)], options);
  assert.equal(
    found.map(({ startS }) => startS),
    [0],
  );
  // The last bit of 16 is no silence.
  assert.is(detectionsOf([{ ...clip(0, 0.75, 0, 0), peak: 1 / 32768 }], options).length, 1);
});

test('what is empty in a recording is told in one line', () => {
  const silent = { ...clip(5, 0.75, 0, 0), peak: 0 };
  assert.equal(describeEmptyClips([clip(0, 1, 0, 0)], 20), []);
  assert.match(describeEmptyClips([clip(0, 1, 0, 0), silent], 20)[0] as string, /^1 of 2 clips are digital silence/);
  assert.match(describeEmptyClips([silent], 20)[0] as string, /^it is digital silence from beginning to end/);
  assert.match(describeEmptyClips([clip(0, 1, 0, 0)], 0.0001)[0] as string, /^it is 0\.00010 s long, too short/);
});

test.run();
