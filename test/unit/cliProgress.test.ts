import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProgressReporter } from '../../src/cli/progress.ts';
import { clock, percent } from '../../src/formats/percentAndClock.ts';
import { foldsProgress } from '../../src/study/crossval.ts';

function stream(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

test('away from a terminal there are whole lines with the time, at most one in five seconds and one at the end', () => {
  const out = stream(false);
  let now = 0;
  const { report } = new ProgressReporter(out, () => now);
  for (let done = 1; done <= 100; done++) {
    now += 100;
    report({ stage: 'decode', done, total: 100, message: `${done}.wav` });
  }
  assert.is(out.written.length, 3);
  for (const line of out.written) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ decode {2}\d+\/100 .*\n$/);
  assert.match(out.written[1] ?? '', /51\/100 {2}0:05 left {2}51\.wav/);
  assert.match(out.written[2] ?? '', /100\/100 {2}in 0:10/);
});

test('on a terminal one line is drawn again and again, and never wider than it', () => {
  for (const columns of [40, 80, 120]) {
    const out = stream(true, columns);
    let now = 0;
    const reporter = new ProgressReporter(out, () => now);
    for (let done = 0; done <= 10; done++) {
      now += 1000;
      reporter.report({ stage: 'decode', done, total: 10, message: '🐦'.repeat(200) });
    }
    reporter.end();
    const text = out.written.join('');
    assert.is(text.split('\n').length, 2, 'one line break, at the end');
    for (const frame of text.split('\r\u001b[2K')) {
      const wide = [...frame].filter((sign) => sign === '🐦').length;
      assert.ok([...frame.trim()].length + wide < columns, frame);
    }
  }
});

test('a note stands above the line that moves', () => {
  const out = stream(true);
  const reporter = new ProgressReporter(out, () => 0);
  reporter.report({ stage: 'train', done: 1, total: 4 });
  reporter.note('Epoch 1');
  const shown = out.written.join('').replaceAll('\r\u001b[2K', '\n').split('\n');
  const [first, note, again] = shown.filter((frame) => frame !== '') as [string, string, string];
  assert.match(first, /^train/);
  assert.is(note, 'Epoch 1');
  assert.match(again, /^train/);
});

test('a new stage starts a new line with its own clock', () => {
  const out = stream(false);
  let now = 0;
  const { report } = new ProgressReporter(out, () => now);
  report({ stage: 'index', done: 0, total: 2 });
  now = 60_000;
  report({ stage: 'index', done: 2, total: 2 });
  report({ stage: 'decode', done: 0, total: 2 });
  now = 62_000;
  report({ stage: 'decode', done: 1, total: 2 });
  now = 66_000;
  report({ stage: 'decode', done: 1, total: 2 });
  assert.match(out.written.join(''), /decode {2}1\/2 {2}0:06 left/);
});

test('times are read as people write them', () => {
  const times = [0, 7.4, 75, 3599.6, 11105];
  assert.equal(
    times.map((time) => clock(time)),
    ['0:00', '0:07', '1:15', '1:00:00', '3:05:05'],
  );
  assert.equal(
    [...times, 59.97, 3599.97].map((time) => clock(time, { tenths: true })),
    ['0:00.0', '0:07.4', '1:15.0', '59:59.6', '3:05:05', '1:00.0', '1:00:00'],
  );
  assert.equal([0, 0.4849, 1, null, undefined].map(percent), ['0.0 %', '48.5 %', '100.0 %', '-', '-']);
});

test('folds that train side by side are one job with a few lines', () => {
  const out = stream(false);
  let now = 0;
  const reporter = new ProgressReporter(out, () => now);
  const advance = foldsProgress(reporter.report, 2);
  for (let step = 1; step <= 100; step++) {
    for (const fold of [0, 1]) {
      now += 50;
      advance(fold, { stage: 'train', done: fold === 0 ? step : step / 2, total: 100 });
    }
    if (step % 10 === 0) advance(1, { stage: 'evaluate', done: 1, total: 9 });
  }
  for (const fold of [0, 1]) advance(fold, { stage: 'done', done: 1, total: 1 });
  assert.is(out.written.length, 3, out.written.join(''));
  assert.match(out.written[1] ?? '', /crossval {2}0\.7\/2 {2}0:09 left {2}fold 0: train/);
  assert.match(out.written[2] ?? '', /crossval {2}2\/2 /);
});

test.run();
