import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { learningRateAt } from '../../src/training/schedule.ts';

const at = (epoch: number, step: number) => ({ epoch, step, length: { stepsPerEpoch: 10, steps: 200 } });

test('StepLR multiplies by gamma after every stepSize epochs', () => {
  const scheduler = { _target_: 'torch.optim.lr_scheduler.StepLR', stepSize: 5, gamma: 0.5 } as const;
  assert.equal(
    [0, 4, 5, 9, 10].map((epoch) => learningRateAt(8, scheduler, at(epoch, 9))),
    [8, 8, 4, 4, 2],
  );
});

test('the cosine rises over the warm-up, peaks after it and ends at the smallest rate', () => {
  const scheduler = { _target_: 'autobird.CosineWarmup', warmupEpochs: 2, minLrRatio: 0.1 } as const;
  const rates = Array.from({ length: 200 }, (_, i) => learningRateAt(1, scheduler, at(Math.floor(i / 10), i % 10)));
  assert.ok((rates[0] as number) > 0 && (rates[0] as number) < 0.1);
  assert.is(rates[20], 1);
  assert.is(Math.max(...rates), 1);
  assert.ok(Math.abs((rates[199] as number) - 0.1) < 1e-12);
  rates.slice(1, 21).forEach((rate, i) => {
    assert.ok(rate > (rates[i] as number), `step ${i + 1} does not rise`);
  });
  rates.slice(21).forEach((rate, i) => {
    assert.ok(rate < (rates[i + 20] as number), `step ${i + 21} does not fall`);
  });
});

test('a run that is all warm-up and a run of one step have rates', () => {
  const scheduler = { _target_: 'autobird.CosineWarmup', warmupEpochs: 20, minLrRatio: 0 } as const;
  assert.ok(learningRateAt(1, scheduler, at(19, 9)) < 1);
  const one = { epoch: 0, step: 0, length: { stepsPerEpoch: 1, steps: 1 } };
  assert.is(learningRateAt(1, { ...scheduler, warmupEpochs: 0 }, one), 1);
});

test.run();
