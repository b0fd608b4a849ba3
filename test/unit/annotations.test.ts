/** Tables of what was marked in recordings, as other programs and our own exports have them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { labelFiles } from '../../src/data/labelFiles.ts';
import { readMetadata } from '../../src/data/metadata.ts';
import { tablesOf } from '../../src/data/readTable.ts';
import type { Annotation, Prediction } from '../../src/domain.ts';
import { type OutputFormatName, outputFormats } from '../../src/formats/index.ts';
import { guessedColumns as columns } from '../helpers/dataConfig.ts';
import { putFiles } from '../helpers/putFiles.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** What `tables` say of `recordings` below `dir`/raw. */
async function read(dir: string, recordings: readonly string[], tables: Readonly<Record<string, string>>) {
  await putFiles(dir, tables);
  const found = recordings.map((path) => ({ path, bytes: 0 }));
  const paths = Object.keys(tables).map((name) => join(dir, name));
  const metadata = await readMetadata({ rawDir: join(dir, 'raw'), metadata: paths, columns }, found);
  const of = (path: string) => metadata.files.get(path)?.annotations ?? [];
  return { ...metadata, of, labelled: labelFiles({ files: found, folders: [] }, metadata, { metadata: paths }) };
}

const box = (startS: number, endS: number, label: string, lowHz: number | null = null, highHz: number | null = null) =>
  ({ startS, endS, lowHz, highHz, label }) satisfies Annotation;

const tabs = (...rows: (string | number)[][]) => rows.map((row) => `${row.join('\t')}\n`).join('');

test('a selection of several views is one annotation, and its time is the place in its file', () =>
  withTempDir(async (dir) => {
    const head = ['Selection', 'View', 'Channel', 'Begin Time (s)', 'End Time (s)', 'Low Freq (Hz)', 'High Freq (Hz)'];
    for (const [file, label] of [
      ['Begin File', 'Species'],
      ['Begin Path', 'Annotation'],
      ['Begin Path', 'Common Name'],
    ] as const) {
      const where = (name: string) => (file === 'Begin File' ? name : `C:\\card\\raw\\${name}`);
      const row = (selection: number, view: string, start: number, name: string, offset: number, text: string) => [
        ...[selection, view, 1, start, start + 0.5, 500, 4000, where(name), offset, text],
      ];
      const table = tabs(
        [...head, file, 'File Offset (s)', label],
        row(1, 'Waveform 1', 0.5, 'a.wav', 0.5, 'Robin'),
        row(1, 'Spectrogram 1', 0.5, 'a.wav', 0.5, 'Robin'),
        row(2, 'Waveform 1', 60.1, 'b.wav', 0.1, '"Wren"'),
        row(2, 'Spectrogram 1', 60.1, 'b.wav', 0.1, '"Wren"'),
      );
      const { of, warnings } = await read(dir, ['a.wav', 'b.wav'], { 't.txt': table });
      assert.equal(of('a.wav'), [box(0.5, 1, 'Robin', 500, 4000)], label);
      assert.equal(of('b.wav'), [box(0.1, 0.6, '"Wren"', 500, 4000)], label);
      assert.equal(warnings, []);
    }
  }));

test('the class of a selection table is its name rather than its code; rows without a time are counted once', () =>
  withTempDir(async (dir) => {
    const table = tabs(
      ['Begin Time (s)', 'End Time (s)', 'Species Code', 'Common Name'],
      [0, 1, 'eurrob1', 'European Robin'],
      [2, 1, 'eurrob1', 'European Robin'],
      ['x', 1, 'eurrob1', 'European Robin'],
    );
    const { of, warnings } = await read(dir, ['a.wav'], { 'a.BirdNET.selection.table.txt': table });
    assert.equal(of('a.wav'), [box(0, 1, 'European Robin')]);
    assert.equal(warnings, [
      `${join(basename(dir), 'a.BirdNET.selection.table.txt')} line 3: start and end are not a stretch of time (and 1 more)`,
    ]);
  }));

test('a sequence without the offset in the file is warned of', () =>
  withTempDir(async (dir) => {
    const table = tabs(
      ['Selection', 'Begin Time (s)', 'End Time (s)', 'Begin File'],
      [1, 1, 2, 'a.wav'],
      [2, 61, 62, 'b.wav'],
    );
    const { warnings } = await read(dir, ['a.wav', 'b.wav'], { 't.txt': table });
    assert.match(
      warnings.join(),
      "the times seem to run on from file to file. Export it with Raven's column File Offset",
    );
  }));

test('decimal commas are read; a table without a column of files is of the recording that it is named after', () =>
  withTempDir(async (dir) => {
    const table = tabs(['Selection', 'Begin Time (s)', 'End Time (s)', 'Annotation'], [1, '0,5', '1,25', 'Robin']);
    const names = ['site/a.wav', 'site/b.wav', 'site/c.wav', 'site/d.wav'];
    const { of, rejected } = await read(dir, names, {
      'a.Table.1.selections.txt': table,
      'b.BirdNET.selection.table.txt': table,
      'c.txt': '0,5\t1.0\tRobin\n\\\t-1.0\t4000.0\n2\t3\tWren 0.50\n',
      'gone.selections.txt': table,
      'd.csv': 'file;label;start_s;end_s\nsite/d.wav;Wren;0,5;1\n',
    });
    assert.equal(of('site/a.wav'), [box(0.5, 1.25, 'Robin')]);
    assert.equal(of('site/b.wav'), [box(0.5, 1.25, 'Robin')]);
    assert.equal(of('site/c.wav'), [box(0.5, 1, 'Robin', null, 4000), box(2, 3, 'Wren 0.50')]);
    assert.equal(of('site/d.wav'), [box(0.5, 1, 'Wren')]);
    assert.match(rejected[0]?.reason ?? '', 'no column with paths, and there is no recording of its name (gone)');
  }));

test('loose files take the one label of their annotations; of several the reason names them', () =>
  withTempDir(async (dir) => {
    const { labelled } = await read(dir, ['a.wav', 'b.wav', 'c.wav', 'Owl/d.wav'], {
      'marks.csv': 'file,label,start_s,end_s\na.wav,Robin,0,1\na.wav,Robin,2,3\nb.wav,Robin,0,1\nb.wav,Wren,1,2\n',
    });
    assert.equal(
      labelled.files.map(({ path, label }) => [path, label]),
      [
        ['a.wav', 'Robin'],
        ['Owl/d.wav', 'Owl'],
      ],
    );
    assert.match(labelled.rejected[0]?.reason ?? '', 'its annotations have 2 labels (Robin, Wren)');
    assert.match(labelled.rejected[1]?.reason ?? '', 'It lies directly in the raw folder: put it');
  }));

test('our own exports are read back as they were written', () =>
  withTempDir(async (dir) => {
    const detection = (startS: number, endS: number, label: string) => ({
      ...box(startS, endS, label),
      score: 0.5,
      at: null,
    });
    const prediction = (name: string, detections: Prediction['detections']): Prediction => ({
      recording: join(dir, 'raw', name),
      durationS: 5,
      recordedAt: null,
      warnings: [],
      labels: ['Wren', 'Robin, "blue"'],
      scores: Float32Array.of(0.5, 0.5),
      topLabel: 'Wren',
      clips: [],
      detections,
      modelVersion: 'x',
    });
    const predictions = [
      prediction('s/a.wav', [detection(0.5, 1.25, 'Wren'), detection(1, 3.5, 'Robin, "blue"')]),
      prediction('s/b.wav', [detection(0, 2, 'Wren')]),
      prediction('s/c.wav', []),
    ];
    const failed = { recording: join(dir, 'raw', 's/d.wav'), error: { code: 'not_audio', message: 'It is none' } };
    const context = {
      ...{ labels: ['Wren', 'Robin, "blue"'], noEventLabels: [], topK: 3, lowHz: 50, highHz: 8000, names: [] },
      ...{ width: 80, root: join(dir, 'raw'), clips: false },
    };
    for (const name of ['json', 'ndjson', 'csv', 'raven', 'kaleidoscope', 'audacity'] as OutputFormatName[]) {
      const format = outputFormats[name];
      const text = (results: readonly (Prediction | typeof failed)[]) => {
        const writer = format.open(context);
        return [writer.begin(), ...results.map((result) => writer.write(result)), writer.end()].join('');
      };
      const tables =
        name === 'audacity'
          ? Object.fromEntries(predictions.map((one, i) => [`${'abc'[i]}.wav${format.extension}`, text([one])]))
          : { [`all${format.extension}`]: text([...predictions, failed]) };
      const { of, warnings, hasLabels } = await read(dir, ['s/a.wav', 's/b.wav', 's/c.wav', 's/d.wav'], tables);
      const band = name === 'raven' || name === 'kaleidoscope' ? ([50, 8000] as const) : [];
      assert.equal(of('s/a.wav'), [box(0.5, 1.25, 'Wren', ...band), box(1, 3.5, 'Robin, "blue"', ...band)], name);
      assert.equal(of('s/b.wav'), [box(0, 2, 'Wren', ...band)], name);
      assert.equal([...of('s/c.wav'), ...of('s/d.wav')], [], name);
      assert.equal(warnings, [], name);
      assert.not.ok(hasLabels, name);
    }
  }));

test('a folder of tables is read, but for what lies beside results', () =>
  withTempDir(async (dir) => {
    const table = tabs(['Begin Time (s)', 'End Time (s)', 'Species'], [0, 1, 'Robin']);
    const names = [
      't/s/b.wav.selections.txt',
      't/a.wav.selections.txt',
      't/errors.csv',
      't/all.txt.list.txt',
      't/x.png',
    ];
    await read(dir, ['a.wav'], { 'a.txt': table });
    for (const name of names) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), table);
    }
    const tables = await tablesOf([join(dir, 't'), join(dir, 'a.txt')]);
    assert.equal(
      tables,
      [names[1], names[0], 'a.txt'].map((name) => join(dir, name as string)),
    );
    const error = await tablesOf([join(dir, 'gone.csv')]).catch((thrown: Error) => thrown);
    assert.match((error as Error).message, /There is no table .*gone\.csv: check data\.metadata/);
  }));

test('what somebody made of Kaleidoscope’s guess is the label', () =>
  withTempDir(async (dir) => {
    const table =
      'INDIR,FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH,MANUAL ID\nC:\\x,s,a.wav,0.1,0.2,Wren,Robin\nC:\\x,s,a.wav,1,2,Wren,\n';
    const { of } = await read(dir, ['s/a.wav'], { 'id.csv': table });
    assert.equal(of('s/a.wav'), [box(0.1, 0.3, 'Robin'), box(1, 3, 'Wren')]);
  }));

test.run();
