import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SplitConfig } from '../../src/config/schema.ts';
import { describeSplit } from '../../src/data/describeSplit.ts';
import { type GroupedRecording, groupRecordings, recorderDateOf } from '../../src/data/groups.ts';
import { checkNoLeak, makeSplit, sides } from '../../src/data/split.ts';
import type { Side, Split } from '../../src/domain.ts';

const options: SplitConfig = { groupBy: 'auto', valRatio: 0.15, testRatio: 0.15, seed: 4, folds: null, fold: null };

function recording(path: string, label: string, more: Partial<GroupedRecording> = {}): GroupedRecording {
  return {
    path,
    label,
    audioHash: `hash of ${path}`,
    session: null,
    groupKey: null,
    fold: null,
    recordedAt: null,
    ...more,
  };
}

const anyRecordings = fc
  .array(
    fc.record({
      label: fc.integer({ min: 0, max: 5 }),
      audio: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 5 }),
      session: fc.option(fc.integer({ min: 0, max: 15 }), { freq: 2 }),
      group: fc.option(fc.integer({ min: 0, max: 10 }), { freq: 4 }),
    }),
    { minLength: 1, maxLength: 120 },
  )
  .map((rows) =>
    rows.map((row, i) =>
      recording(`class${row.label}/${i}.wav`, `class${row.label}`, {
        ...(row.audio === null ? {} : { audioHash: `copy ${row.audio}` }),
        session: row.session === null ? null : `session ${row.session}`,
        groupKey: row.group === null ? null : `group ${row.group}`,
      }),
    ),
  );

const sideOf = (split: Split): Map<string, Side> => new Map(split.assignments.map(({ path, side }) => [path, side]));

function assertTogether(recordings: readonly GroupedRecording[], split: Split): void {
  const side = sideOf(split);
  for (const key of ['audioHash', 'session', 'groupKey'] as const) {
    const seen = new Map<string, Side | undefined>();
    for (const recording of recordings) {
      const value = recording[key];
      if (value === null) continue;
      if (seen.has(value)) assert.is(side.get(recording.path), seen.get(value), `${key} ${value}`);
      seen.set(value, side.get(recording.path));
    }
  }
}

test('no copy, session or group is on two sides, and ratios are met within the largest group', () => {
  fc.assert(
    fc.property(
      anyRecordings,
      fc.constantFrom([0.15, 0.15], [0.1, 0.3], [0, 0.2], [0.25, 0]),
      fc.nat(1000),
      (recordings, [val, test], seed) => {
        const split = makeSplit(
          recordings,
          { ...options, groupBy: 'session', valRatio: val as number, testRatio: test as number, seed },
          'id',
        );
        assert.is(split.assignments.length, recordings.length);
        assertTogether(recordings, split);
        assert.ok(checkNoLeak(split, recordings).ok);
        const largest = Math.max(...groupRecordings(recordings, 'session').map((group) => group.recordings.length));
        const target = { train: 1 - (val as number) - (test as number), val: val as number, test: test as number };
        for (const side of sides) {
          const deviation = Math.abs(split.counts[side] - target[side] * recordings.length);
          assert.ok(deviation <= largest + 1e-6, `${side} misses its target by ${deviation}, largest group ${largest}`);
        }
        if (val === 0) assert.is(split.counts.val, 0);
      },
    ),
    { numRuns: 150, seed: 1 },
  );
});

test('the order of the recordings does not matter', () => {
  fc.assert(
    fc.property(anyRecordings, fc.nat(1000), (recordings, seed) => {
      const shuffled = [...recordings].sort((a, b) => (a.path + seed < b.path + seed ? 1 : -1)).reverse();
      const rotated = [...recordings.slice(seed % recordings.length), ...recordings.slice(0, seed % recordings.length)];
      const expected = makeSplit(recordings, { ...options, seed }, 'id');
      assert.equal(makeSplit(shuffled, { ...options, seed }, 'id'), expected);
      assert.equal(makeSplit(rotated, { ...options, seed }, 'id'), expected);
    }),
    { numRuns: 60, seed: 2 },
  );
});

test('folds made by group are disjoint, cover everything, leak nothing and differ by at most the largest group', () => {
  fc.assert(
    fc.property(anyRecordings, (recordings) => {
      const groups = groupRecordings(recordings, 'session');
      fc.pre(groups.length >= 4);
      const tested = new Map<string, number>();
      for (let fold = 0; fold < 4; fold++) {
        const split = makeSplit(recordings, { ...options, groupBy: 'session', folds: 4, fold }, 'id');
        assert.ok(checkNoLeak(split, recordings).ok);
        const largest = Math.max(...groups.map((group) => group.recordings.length));
        assert.ok(Math.abs(split.counts.test - recordings.length / 4) <= largest + 1e-6);
        for (const { path, side } of split.assignments) {
          if (side === 'test') tested.set(path, (tested.get(path) ?? 0) + 1);
        }
      }
      assert.is(tested.size, recordings.length);
      assert.ok([...tested.values()].every((times) => times === 1));
    }),
    { numRuns: 60, seed: 3 },
  );
});

const many = Array.from({ length: 10 }, (_, c) =>
  Array.from({ length: 20 }, (_, i) => recording(`c${c}/${i}.wav`, `c${c}`)),
).flat();

test('classes are spread evenly over the sides', () => {
  const split = makeSplit(many, options, 'id');
  const side = sideOf(split);
  for (let c = 0; c < 10; c++) {
    const count = (s: Side) => many.filter(({ path, label }) => label === `c${c}` && side.get(path) === s).length;
    assert.equal([count('train'), count('val'), count('test')], [14, 3, 3]);
  }
  assert.equal(split.counts, { train: 140, val: 30, test: 30 });
  assert.equal(split.missing, []);
  assert.is(split.name, 'recording-val15-test15-seed4');
});

test('another seed gives another split', () => {
  const first = makeSplit(many, options, 'id');
  const second = makeSplit(many, { ...options, seed: 5 }, 'id');
  assert.not.equal(first.assignments, second.assignments);
});

test('a class that cannot be on every side is named with the sides it misses', () => {
  const rare = [recording('one/a.wav', 'one'), recording('two/a.wav', 'two'), recording('two/b.wav', 'two')];
  const split = makeSplit([...many, ...rare], options, 'id');
  assert.equal(split.missing, [
    { label: 'one', sides: ['val', 'test'] },
    { label: 'two', sides: ['val'] },
  ]);
});

test('auto means session as soon as a recording has one', () => {
  const pair = [recording('a/1.wav', 'a', { session: 's' }), recording('a/2.wav', 'a', { session: 's' })];
  const split = makeSplit([...many, ...pair], options, 'id');
  assert.is(split.name, 'session-val15-test15-seed4');
  const byRecording = makeSplit([...many, ...pair], { ...options, groupBy: 'recording' }, 'id');
  assert.is(groupsOf(split, pair).size, 1);
  assert.is(groupsOf(byRecording, pair).size, 2);
});

const groupsOf = (split: Split, recordings: readonly GroupedRecording[]): Set<string> =>
  new Set(
    split.assignments.filter(({ path }) => recordings.some((one) => one.path === path)).map(({ group }) => group),
  );

test('by recorder and date, recordings of one night at one recorder stay together', () => {
  const named = (path: string, recordedAt: string | null) =>
    recording(path, path.split('/')[0] as string, { recordedAt });
  const night = [
    named('owl/SM4A_20230514_210000.wav', '2023-05-14T21:00:00'),
    named('owl/SM4A_20230514_230000.wav', '2023-05-14T23:00:00'),
    named('wren/SM4A_20230514_220000.wav', '2023-05-14T22:00:00'),
  ];
  const others = [
    named('owl/SM4B_20230514_210000.wav', '2023-05-14T21:00:00'),
    named('owl/SM4A_20230515_210000.wav', '2023-05-15T21:00:00'),
    named('owl/north/SM4A_20230514_210000.wav', '2023-05-14T21:00:00'),
    named('owl/dawn.wav', null),
    named('owl/dusk.wav', '2023'),
  ];
  const recordings = [...night, ...others];
  const split = makeSplit(recordings, { ...options, groupBy: 'recorder_date' }, 'id');
  assert.is(groupsOf(split, night).size, 1);
  assert.is(groupsOf(split, recordings).size, 6);
  assert.match(split.name, /^recorder_date-/);
  const leak = checkNoLeak(split, recordings);
  assert.ok(leak.ok && leak.caveat === null);
  assert.match(leak.message, '8 recordings in 6 groups (copies, groups and recordings of one recorder and date)');
});

test('a recorder is what stands before the time in a name', () => {
  const cases: [string, string | null][] = [
    ['wren/SM4A_20230514_053000.wav', 'SM4A 2023-05-14'],
    ['site 3/wren/2023-05-14_05-30-00.wav', 'site 3/ 2023-05-14'],
    ['wren/2MA01234_20230514_053000.wav', '2MA01234 2023-05-14'],
    ['wren/5EC7F3A0.WAV', ' 2023-05-14'],
    ['wren/walk.wav', ' 2023-05-14'],
  ];
  for (const [path, expected] of cases) {
    assert.is(recorderDateOf(recording(path, 'wren', { recordedAt: '2023-05-14T05:30:00' })), expected, path);
  }
  assert.is(recorderDateOf(recording('wren/SM4A.wav', 'wren', { recordedAt: '2023-05' })), null);
});

test('where sessions are not known the lines about a split say so, and what can be done', () => {
  const lines = (recordings: readonly GroupedRecording[], change: Partial<SplitConfig> = {}) =>
    describeSplit(makeSplit(recordings, { ...options, ...change }, 'id'), recordings).join('\n');
  assert.match(lines(many), /Split by recording only: .* flatters the figures\. A column of the metadata can say/);
  const dated = many.map((one) => ({ ...one, recordedAt: '2023-05-14' }));
  assert.match(lines(dated), `Of ${many.length} recordings the date is known: split.group_by=recorder_date keeps`);
  const known = many.map((one, i) => ({ ...one, session: `${i}` }));
  assert.match(lines(known, { groupBy: 'recording' }), 'The metadata has sessions: split.group_by=session');
  assert.not.match(lines(known), 'flatters');
});

test('a fold column is used as it stands, in sorted order of its names', () => {
  const folded = many.map((one, i) => ({ ...one, fold: String([10, 2, 33][i % 3]) }));
  const split = makeSplit(folded, { ...options, fold: 1 }, 'id');
  const side = sideOf(split);
  for (const { path, fold } of folded) assert.is(side.get(path) === 'test', fold === '10');
  assert.is(split.name, 'recording-givenfold1of3-val15-seed4');
});

test('recordings without a fold are on no side, with the reason', () => {
  const folded = many.map((one, i) => ({ ...one, fold: i === 7 ? null : String(i % 2) }));
  const split = makeSplit(folded, { ...options, fold: 0 }, 'id');
  assert.equal(split.unassigned, [{ path: 'c0/7.wav', reason: 'The metadata gives it no fold' }]);
  assert.is(split.assignments.length, many.length - 1);
});

test('a session that crosses given folds is respected and reported as a leak', () => {
  const folded = many.map((one, i) => ({ ...one, fold: String(i % 2), session: i < 2 ? 'same day' : null }));
  const split = makeSplit(folded, { ...options, fold: 0 }, 'id');
  const report = checkNoLeak(split, folded);
  assert.not.ok(report.ok);
  assert.equal(report.crossing[0]?.paths, ['c0/0.wav', 'c0/1.wav']);
  assert.match(report.message, /^LEAK: 1 of 199 groups .* as the fold column says; e\.g\. c0\/0\.wav and c0\/1\.wav/);
});

test('mistakes in the options say what to do', () => {
  const attempt =
    (more: Partial<SplitConfig>, recordings = many) =>
    () =>
      makeSplit(recordings, { ...options, ...more }, 'id');
  assert.throws(attempt({ valRatio: 0.5, testRatio: 0.5 }), /nothing would be left to train on/);
  assert.throws(attempt({ fold: 1 }), /say how many folds to make/);
  assert.throws(attempt({ folds: 5, fold: 5 }), /split\.fold from 0 to 4 but received 5/);
  assert.throws(attempt({ folds: 5 }, many.slice(0, 3)), /at least 5 groups/);
  const folded = many.map((one, i) => ({ ...one, fold: String(i % 4) }));
  assert.throws(attempt({ folds: 5 }, folded), /data\.columns\.fold=""/);
});

test('a side that gets nothing is named with the reason', () => {
  const recordings = Array.from({ length: 20 }, (_, i) => recording(`${i}.wav`, `class${i % 2}`, { groupKey: 'all' }));
  const lines = describeSplit(makeSplit(recordings, options, 'id'), recordings);
  assert.match(lines[3] as string, 'No recordings for val: all recordings are one group; see data.columns.group');
  assert.match(lines[4] as string, 'No recordings for test');
  const apart = recordings.map((one) => ({ ...one, groupKey: null }));
  assert.is(describeSplit(makeSplit(apart, options, 'id'), apart).length, 3);
});

test.run();
