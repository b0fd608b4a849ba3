import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { FailedPrediction, Prediction } from '../../src/domain.ts';
import { fit } from '../../src/formats/displayWidth.ts';
import { type FormatContext, type OutputFormatName, outputFormats } from '../../src/formats/index.ts';
import { resultFromJson } from '../../src/formats/json.ts';

const labels = ['Turdus "merula"', 'noise', 'Réveil, coq'];
const odd = '/rec/site, 1/wren "loud"\t#3\n🐦.wav';

const heard: Prediction = {
  recording: odd,
  durationS: 12.5,
  warnings: [],
  recordedAt: '2024-05-01T06:30:00+02:00',
  labels,
  scores: Float32Array.of(0.625, 0.125, 0.25),
  topLabel: 'Turdus "merula"',
  clips: [{ startS: 0, endS: 5, scores: Float32Array.of(0.75, 0.125, 0.125), activity: 0.5, peak: 0.5 }],
  detections: [
    {
      startS: 0,
      endS: 7.5,
      lowHz: null,
      highHz: null,
      label: 'Turdus "merula"',
      score: 0.75,
      at: '2024-05-01T06:30:00+02:00',
    },
    { startS: 10, endS: 12.5, lowHz: 1000, highHz: 4000, label: 'Réveil, coq', score: 0.5, at: null },
  ],
  modelVersion: 'abc123',
};
const quiet: Prediction = {
  ...heard,
  recording: '/rec/quiet.wav',
  recordedAt: null,
  scores: Float32Array.of(0.25, 0.625, 0.125),
  topLabel: null,
  clips: [],
  detections: [],
};
const broken: FailedPrediction = {
  recording: '/rec/broken.mp3',
  error: { code: 'not_audio', message: 'The file is text, not "audio"' },
};

const context: FormatContext = {
  labels,
  noEventLabels: ['noise'],
  topK: 2,
  lowHz: 100,
  highHz: 11025,
  names: [heard, quiet, broken].map(({ recording }) => recording),
  width: 120,
  root: '/rec',
  clips: false,
};

function render(name: OutputFormatName, changes: Partial<FormatContext> = {}): string {
  const writer = outputFormats[name].open({ ...context, ...changes });
  return [writer.begin(), ...[heard, quiet, broken].map((result) => writer.write(result)), writer.end()].join('');
}

test('CSV has a row a detection, a row for a quiet recording and a row for a broken one, quoted as RFC 4180 says', () => {
  assert.is(
    render('csv'),
    [
      'recording,duration_s,top_label,top_score,start_s,end_s,label,score,at,model_version,error_code,error',
      '"/rec/site, 1/wren ""loud""\t#3\n🐦.wav",12.5,"Turdus ""merula""",0.625,0,7.5,"Turdus ""merula""",0.75,2024-05-01T06:30:00+02:00,abc123,,',
      '"/rec/site, 1/wren ""loud""\t#3\n🐦.wav",12.5,"Turdus ""merula""",0.625,10,12.5,"Réveil, coq",0.5,,abc123,,',
      '/rec/quiet.wav,12.5,,,,,,,,abc123,,',
      '/rec/broken.mp3,,,,,,,,,,not_audio,"The file is text, not ""audio"""',
      '',
    ].join('\r\n'),
  );
});

test('a Raven table counts its selections and runs the time on from recording to recording', () => {
  const begin = 'Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)';
  const path = '/rec/site, 1/wren "loud" #3 🐦.wav';
  const writer = outputFormats.raven.open(context);
  assert.is(writer.begin(), `${begin}\tSpecies\tScore\tBegin Path\tFile Offset (s)\n`);
  assert.is(
    writer.write(heard),
    `1\tSpectrogram 1\t1\t0\t7.5\t100\t11025\tTurdus "merula"\t0.7500\t${path}\t0\n` +
      `2\tSpectrogram 1\t1\t10\t12.5\t1000\t4000\tRéveil, coq\t0.5000\t${path}\t10\n`,
  );
  assert.is(writer.write(quiet) + writer.write(broken), '');
  assert.match(
    writer.write({ ...heard, recording: '/rec/b.wav' }),
    /^3\tSpectrogram 1\t1\t25\t32.5\t.*\/rec\/b.wav\t0\n/,
  );
});

test('an Audacity label track has six decimals, and a second line where the frequencies are known', () => {
  assert.is(
    render('audacity'),
    '0.000000\t7.500000\tTurdus "merula" 0.75\n' +
      '10.000000\t12.500000\tRéveil, coq 0.50\n\\\t1000.000000\t4000.000000\n',
  );
});

test('a Kaleidoscope file names folder and file apart, and its distance is small when the model is sure', () => {
  assert.is(
    render('kaleidoscope'),
    [
      'INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,Fmax,DATE,TIME,HOUR,TOP1MATCH,TOP1DIST,SCORE,MANUAL ID',
      '/rec,"site, 1","wren ""loud""\t#3\n🐦.wav",0,0,7.5,100,11025,2024-05-01,06:30:00,06,"Turdus ""merula""",0.25,0.75,',
      '/rec,"site, 1","wren ""loud""\t#3\n🐦.wav",0,10,2.5,1000,4000,2024-05-01,06:30:00,06,"Réveil, coq",0.5,0.5,',
      '',
    ].join('\r\n'),
  );
});

test('JSON is one array, NDJSON one line a recording, and both hold the same objects', () => {
  const lines = render('ndjson').trimEnd().split('\n');
  assert.is(lines.length, 3);
  const objects = lines.map((line) => JSON.parse(line));
  assert.equal(JSON.parse(render('json')), objects);
  assert.equal(objects[0], {
    recording: odd,
    duration_s: 12.5,
    recorded_at: '2024-05-01T06:30:00+02:00',
    warnings: [],
    top_label: 'Turdus "merula"',
    scores: { 'Turdus "merula"': 0.625, noise: 0.125, 'Réveil, coq': 0.25 },
    detections: [
      {
        start_s: 0,
        end_s: 7.5,
        low_hz: null,
        high_hz: null,
        label: 'Turdus "merula"',
        score: 0.75,
        at: '2024-05-01T06:30:00+02:00',
      },
      { start_s: 10, end_s: 12.5, low_hz: 1000, high_hz: 4000, label: 'Réveil, coq', score: 0.5, at: null },
    ],
    model_version: 'abc123',
  });
  assert.equal(objects[2], broken);
});

test('an empty JSON array is JSON', () => {
  const writer = outputFormats.json.open(context);
  assert.equal(JSON.parse(writer.begin() + writer.end()), []);
});

test('what JSON with clips says can be read back, labels that look like numbers included', () => {
  const numbered = { ...heard, labels: ['10', 'noise', '2'] };
  for (const result of [heard, quiet, broken, numbered]) {
    const text = outputFormats.ndjson.open({ ...context, clips: true }).write(result);
    assert.equal(resultFromJson(JSON.parse(text), 'labels' in result ? result.labels : labels), result);
  }
});

test('the table fits the terminal, shortens names at their beginning and shows no control characters', () => {
  for (const width of [60, 80, 120]) {
    const rows = render('table', { width }).trimEnd().split('\n');
    assert.is(rows.length, 4, 'a heading and a row a recording');
    for (const row of rows.slice(0, 3)) assert.ok(row.length <= width, `${row.length} columns: ${row}`);
    assert.not.match(render('table', { width }), /\t/);
  }
  const [, first, second, third] = render('table').split('\n');
  assert.match(first ?? '', /#3\?🐦\.wav {2,}0:12\.5 +2 +Turdus "merula" 0\.625 +Réveil, coq +0\.250$/);
  assert.match(second ?? '', /quiet\.wav .* no event/);
  assert.match(third ?? '', /broken\.mp3 .*! The file is text, not "audio"$/);
});

test('wide characters count as two columns', () => {
  assert.is(fit('🐦', 4), '🐦  ');
  assert.is(fit('鳥の声', 5), '…の声');
  assert.is(fit('abcdef', 4), '…def');
});

test.run();
