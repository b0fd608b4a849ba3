import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isUnsetClock, recordedAt, recordedAtFromName, recordedAtFromTags } from '../../src/data/recordedAt.ts';

test('the time is read from the names that recorders give', () => {
  for (const [name, expected] of [
    ['20230514_053000.WAV', '2023-05-14T05:30:00'],
    ['a/20230514_053000Z.wav', '2023-05-14T05:30:00Z'],
    ['SM4_20190619_050000.wav', '2019-06-19T05:00:00'],
    ['SM3_0+1_20190619$050000.wav', '2019-06-19T05:00:00'],
    ['20200102T030405+1000_site.flac', '2020-01-02T03:04:05+10:00'],
    ['2023-05-14_05-30-00.mp3', '2023-05-14T05:30:00'],
    ['Robin-80-2023-05-14-birdnet-05:30:00.mp3', '2023-05-14T05:30:00'],
    ['5CFFA2C0.WAV', '2019-06-11T12:46:56Z'],
    ['walk 2023-05-14.wav', '2023-05-14'],
    ['2023-05-14-birdnet-RTSP_1-05:30:00.wav', '2023-05-14T05:30:00'],
    ['201905 8T020000+1000_REC.wav', '2019-05-08T02:00:00+10:00'],
    ['20230514_0530.wav', '2023-05-14T05:30:00'],
    ['SWIFT_20230514_053000_+0200.wav', '2023-05-14T05:30:00+02:00'],
    ['2023.05.14 05.30.00.wav', '2023-05-14T05:30:00'],
    ['2023_05_14_05_30.wav', '2023-05-14T05:30:00'],
    ['pond_20230514.wav', '2023-05-14'],
    ['pond_20230514-17.wav', '2023-05-14'],
    ['pond_2023_05_14.wav', '2023-05-14'],
    ['19700101_000554.WAV', '1970-01-01T00:05:54'],
    ['XC20230514.mp3', null],
    ['20231332.wav', null],
    ['14-05-2023.wav', null],
    ['XC173305.mp3', null],
    ['12345678.wav', null],
    ['20231399_053000.wav', null],
    ['20230230_053000.wav', null],
    ['1-100032-A.ogg', null],
  ] as const) {
    assert.is(recordedAtFromName(name), expected, name);
  }
});

test('the time is read from what recorders write into files', () => {
  assert.is(recordedAtFromTags({ 'GUANO|Timestamp': '2020-05-14T05:30:00-07:00' }), '2020-05-14T05:30:00-07:00');
  assert.is(
    recordedAtFromTags({ 'bext.OriginationDate': '2020-05-14', 'bext.OriginationTime': '05:30:00' }),
    '2020-05-14T05:30:00',
  );
  assert.is(recordedAtFromTags({ OriginationDate: '2023_05_14', OriginationTime: '05-30-00' }), '2023-05-14T05:30:00');
  assert.is(
    recordedAtFromTags({ ICMT: 'Recorded at 05:30:00 14/05/2023 (UTC-5) by AudioMoth 24A0' }),
    '2023-05-14T05:30:00-05:00',
  );
  assert.is(
    recordedAtFromTags({ comment: 'Recorded at 05:30:00 14/05/2023 (UTC) by AudioMoth' }),
    '2023-05-14T05:30:00Z',
  );
  assert.is(recordedAtFromTags({ title: 'a bird' }), null);
});

test('the metadata counts most, and a finer time only when the days agree', () => {
  const path = '20230514_053000.wav';
  assert.is(recordedAt({ path }), '2023-05-14T05:30:00');
  assert.is(recordedAt({ path, date: '2023-05-14' }), '2023-05-14T05:30:00');
  assert.is(recordedAt({ path, date: '2023-05-15' }), '2023-05-15');
  assert.is(recordedAt({ path, date: '2023-05-15', time: '6:10' }), '2023-05-15T06:10:00');
  assert.is(recordedAt({ path: 'x.wav', date: '2014-03-00' }), '2014-03');
  assert.is(recordedAt({ path: 'x.wav', date: '2014-00-00' }), '2014');
  assert.is(recordedAt({ path: 'x.wav', date: '14/05/2023' }), null);
  assert.is(recordedAt({ path: 'x.wav', date: '2014-03-03 05:30 UTC' }), '2014-03-03T05:30:00Z');
  assert.is(recordedAt({ path: 'x.wav', date: '20140303', time: '0530' }), '2014-03-03T05:30:00');
  assert.is(recordedAt({ path: 'x.wav', date: '2014-03-03', time: '5:30 PM' }), '2014-03-03T17:30:00');
  assert.is(recordedAt({ path: 'x.wav', date: '2014-03-03 12:05 am' }), '2014-03-03T00:05:00');
  assert.is(recordedAt({ path, fromTags: '2023-05-14T05:30:01Z' }), '2023-05-14T05:30:01Z');
});

test('a clock that was never set is known by where its count begins', () => {
  for (const time of ['1970-01-01T00:05:54', '1980-01-01T00:00:00Z', '2000-01-01T00:10:00', '1904-01-01']) {
    assert.ok(isUnsetClock(time), time);
  }
  for (const time of ['1970-05-14', '2000-01-01T06:10:00', '2023-05-14T05:30:00']) assert.not(isUnsetClock(time), time);
});

test.run();
