import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Alarm } from '../../src/drift/alarm.ts';
import { cutWindows } from '../../src/drift/windows.ts';

const rows = (...seconds: readonly number[]) => seconds.map((s) => ({ at: new Date(1000 * s).toISOString() }));
const lengths = (cut: ReturnType<typeof cutWindows>) => [cut.windows.map(({ length }) => length), cut.rest.length];

test('windows are full, or old enough and large enough', () => {
  assert.equal(lengths(cutWindows(rows(0, 1, 2, 3, 4), { rows: 2 })), [[2, 2], 1]);
  assert.equal(lengths(cutWindows(rows(0, 1, 2, 3), { rows: 2 })), [[2, 2], 0]);
  assert.equal(lengths(cutWindows([], { rows: 2 })), [[], 0]);
  const options = { rows: 10, maxS: 60, minRows: 3 };
  assert.equal(lengths(cutWindows(rows(0, 1, 2, 70, 71), options)), [[3], 2]);
  assert.equal(lengths(cutWindows(rows(0, 1, 70, 71), options)), [[3], 1], 'too few rows go on');
  assert.equal(lengths(cutWindows(rows(0, 1, 2), options, 50_000)), [[], 3]);
  assert.equal(lengths(cutWindows(rows(0, 1, 2), options, 61_000)), [[3], 0], 'time ends a window without a new row');
  assert.equal(lengths(cutWindows(rows(0, 1), options, 1e9)), [[], 2]);
});

test('rows without a time are cut by their number', () => {
  const untimed = Array.from({ length: 5 }, () => ({ at: null }));
  assert.equal(lengths(cutWindows(untimed, { rows: 2, maxS: 1, minRows: 1 }, 1e9)), [[2, 2], 1]);
});

test('an alarm that is kept in between behaves as one that was not', () => {
  const levels = [0, 0.6, 0.1, 0.6, 0.7, 0.3, 0.3, 0.1, 0, 0.5, 0.5, 0.2, 0.1];
  const whole = new Alarm();
  let memory = whole.memory;
  for (const level of levels) {
    const again = new Alarm({}, JSON.parse(JSON.stringify(memory)));
    assert.equal(again.add(level), whole.add(level));
    memory = again.memory;
  }
  assert.is(whole.memory.raised, false);
});

test.run();
