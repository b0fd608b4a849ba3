import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { confusionCsv } from '../../src/reports/confusionCsv.ts';
import {
  CalibrationTally,
  expectedCalibrationError,
  figures,
  negativeLogLikelihood,
  type ScoredItem,
} from '../../src/scoring/metrics.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8')).metrics;
const labels = ['a', 'b', 'c', 'd', 'e', 'unknown to the model'];

function goldenItems(): ScoredItem[] {
  const scores = Float32Array.from(golden.scores);
  return golden.truth.map((truth: number, i: number) => ({
    truth,
    scores: scores.subarray(i * golden.classes, (i + 1) * golden.classes),
  }));
}

function near(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test('figures are those of scikit-learn, also with classes that the model does not know', () => {
  const result = figures(goldenItems(), labels);
  near(result.accuracy, golden.accuracy);
  near(result.balancedAccuracy, golden.balanced_accuracy);
  near(result.macroF1, golden.macro_f1);
  near(result.top3, golden.top3);
  result.perClass.forEach((figure, c) => {
    near(figure.precision ?? 0, golden.precision[c]);
    near(figure.recall ?? 0, golden.recall[c]);
    near(figure.f1, golden.f1[c]);
    assert.is(figure.support, golden.support[c]);
  });
  assert.equal(
    result.confusion.cells,
    (golden.confusion as number[][]).flatMap((row, truth) =>
      row.flatMap((count, c) => (count === 0 ? [] : [[truth, c, count]])),
    ),
  );
});

test('an item without a prediction is wrong and stands in the last column of the confusion matrix', () => {
  const items: ScoredItem[] = [
    { truth: 0, scores: Float32Array.of(0.9, 0.1) },
    { truth: 1, scores: null },
  ];
  const result = figures(items, ['a', 'b']);
  assert.is(result.accuracy, 0.5);
  assert.is(result.balancedAccuracy, 0.5);
  assert.is(result.withoutPrediction, 1);
  assert.equal(result.confusion.cells, [
    [0, 0, 1],
    [1, null, 1],
  ]);
  assert.is(confusionCsv(result.confusion), 'label,a,b,no prediction\r\na,1,0,0\r\nb,0,0,1\r\n');
});

test('a class of which nothing is there has no recall, and one never predicted no precision', () => {
  const result = figures([{ truth: 0, scores: Float32Array.of(1, 0) }], ['a', 'b']);
  assert.is(result.perClass[1]?.recall, null);
  assert.is(result.perClass[1]?.precision, null);
  assert.is(result.macroF1, 1);
});

test('no items give zeros and no loss instead of NaN', () => {
  const result = figures([], ['a']);
  assert.equal([result.accuracy, result.balancedAccuracy, result.macroF1, result.top3], [0, 0, 0, 0]);
  assert.is(negativeLogLikelihood([]), null);
});

test('the calibration error and the loss are those of the reference', () => {
  const tally = new CalibrationTally(10);
  for (const item of goldenItems()) tally.add(item);
  near(expectedCalibrationError(tally.bins()), golden.ece10, 1e-7);
  near(tally.loss() as number, golden.log_loss, 1e-7);
  near(negativeLogLikelihood(goldenItems()) as number, golden.log_loss, 1e-7);
});

test.run();
