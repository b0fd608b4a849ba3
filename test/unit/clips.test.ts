import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clipGrid, clipSeconds, clipTable, filterClips } from '../../src/data/clips.ts';

const reference = { lengthS: 5, hopS: 2.5, padLast: true };
const starts = (seconds: number, options = reference, more = {}) =>
  [...clipGrid(seconds * 16000, 16000, options, more).starts].map((start) => start / 16000);

test('clips begin every hop while the recording lasts, as in the original system', () => {
  assert.equal(starts(5), [0, 2.5]);
  assert.equal(starts(5.1), [0, 2.5, 5]);
  assert.equal(starts(10), [0, 2.5, 5, 7.5]);
  assert.equal(starts(0.1), [0]);
});

test('without padding only whole clips count, and the last one ends with the recording', () => {
  const whole = { ...reference, padLast: false };
  assert.equal(starts(5, whole), [0]);
  assert.equal(starts(5.4, whole), [0]);
  assert.equal(starts(7.4, whole), [0, 2.4]);
  assert.equal(starts(11, whole), [0, 2.5, 5, 6]);
  assert.equal(starts(7.5, whole), [0, 2.5]);
  assert.equal(starts(4.9, whole), []);
  assert.equal(starts(4.9, whole, { atLeastOne: true }), [0]);
  assert.equal(starts(0, whole, { atLeastOne: true }), []);
});

test('a table holds the clips of all recordings, and rows can be filtered', () => {
  const table = clipTable([{ sampleCount: 160000 }, { sampleCount: 0 }, { sampleCount: 16000 }], 16000, reference);
  assert.equal([...table.recording], [0, 0, 0, 0, 2]);
  assert.equal([...table.startSample], [0, 40000, 80000, 120000, 0]);
  assert.is(table.clipSamples, 80000);
  const kept = filterClips(table, (row) => row % 2 === 0);
  assert.equal([...kept.recording], [0, 0, 2]);
  assert.equal([...kept.startSample], [0, 80000, 0]);
});

test('a clip in seconds is half open and may end beyond the recording', () => {
  assert.equal(clipSeconds(40000, 80000, 16000), { startS: 2.5, endS: 7.5 });
});

test.run();
