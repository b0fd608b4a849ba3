import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type LengthConfig, stepsOfEpoch, trainingLength } from '../../src/training/trainingLength.ts';

const automatic: LengthConfig = { steps: 'auto', epochs: null, stepsPerEpoch: null, batchSize: 32, validations: 10 };

function lengthOf(change: Partial<LengthConfig>, clips = 100, recordings = clips) {
  const { note: _, ...length } = trainingLength({ ...automatic, ...change }, { clips, recordings });
  return length;
}

test('a hundred clips get a thousand steps, and a large set its passes', () => {
  assert.is(lengthOf({}, 75).steps, 1050);
  assert.is(lengthOf({}, 300).steps, 2000);
  assert.is(lengthOf({}, 10_000, 4000).steps, 4700);
  // Not by the number of clips alone: a hundred long recordings have many.
  assert.is(lengthOf({}, 5000, 100).steps, 2350);
});

test('of a batch twice as large half as many steps are a pass', () => {
  assert.is(lengthOf({ batchSize: 64 }, 10_000, 4000).steps, 2350);
});

test('steps are divided into as many epochs as there are validations, and the last one ends with them', () => {
  const length = lengthOf({ steps: 205 });
  assert.equal(length, { steps: 205, epochs: 10, stepsPerEpoch: 21, rowsPerEpoch: 21 * 32, validateEvery: 1 });
  const steps = Array.from({ length: 10 }, (_, epoch) => stepsOfEpoch(length, epoch));
  assert.is(steps.at(-1), 16);
  assert.is(
    steps.reduce((sum, count) => sum + count, 0),
    205,
  );
  assert.is(lengthOf({ steps: 3 }).epochs, 3);
});

test('without a number of validations there is one after each pass', () => {
  assert.is(lengthOf({ steps: 40, validations: null }).stepsPerEpoch, 4);
  assert.is(lengthOf({ steps: 3, validations: null }).epochs, 1);
});

test('epochs are passes or of a given number of steps, and are validated as often as asked, at most each', () => {
  const passes = lengthOf({ epochs: 6, validations: null });
  assert.equal(passes, { steps: 24, epochs: 6, stepsPerEpoch: 4, rowsPerEpoch: 100, validateEvery: 1 });
  const given = lengthOf({ epochs: 25, stepsPerEpoch: 7 });
  assert.equal(given, { steps: 175, epochs: 25, stepsPerEpoch: 7, rowsPerEpoch: 224, validateEvery: 3 });
  assert.is(lengthOf({ epochs: 3 }).validateEvery, 1);
});

test.run();
