import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { byCodePoint } from '../../src/byCodePoint.ts';
import { findRecordings } from '../../src/data/findRecordings.ts';
import { labelFiles } from '../../src/data/labelFiles.ts';
import { noEventLabelsOf } from '../../src/data/labels.ts';
import { readMetadata } from '../../src/data/metadata.ts';
import { splitLabels } from '../../src/data/metadataColumns.ts';
import { type CsvTable, cellNumber, openCsv, parseCsv } from '../../src/data/readCsv.ts';
import { readTable } from '../../src/data/readTable.ts';
import { csvRow } from '../../src/formats/delimited.ts';
import { guessedColumns as columns } from '../helpers/dataConfig.ts';
import { putFiles } from '../helpers/putFiles.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('recordings are found in any depth and any case, with any name, in order of code points', () =>
  withTempDir(async (dir) => {
    const names = ['B/x.WAV', 'a/deep/er/y.Mp3', 'a/ü "quote", #1 🐦.flac', 'z/\u{1F426}.ogg', 'z/\uFF5E.ogg'];
    await putFiles(
      dir,
      Object.fromEntries(
        [...names, 'a/notes.txt', 'a/x.AIFF', 'a/y.aiff', 'a/README', 'a/.mp3', 'birds.csv'].map((name) => [name, 'x']),
      ),
    );
    const found = await findRecordings(dir, ['wav', '.mp3', 'FLAC', 'ogg'], [join(dir, 'birds.csv')]);
    assert.equal(
      found.files.map((file) => file.path),
      ['B/x.WAV', 'a/deep/er/y.Mp3', 'a/ü "quote", #1 🐦.flac', 'z/\uFF5E.ogg', 'z/\u{1F426}.ogg'],
    );
    assert.equal(found.warnings, [
      '4 files are passed over, by extension: without one 1, .aiff 2, .txt 1; add those of recordings to data.extensions',
    ]);
    assert.equal(found.rejected, []);
  }));

test('code points, not UTF-16 units, decide the order', () => {
  assert.equal(['\u{1F426}', '\uFF5E', 'b', 'a', 'ab'].sort(byCodePoint), ['a', 'ab', 'b', '\uFF5E', '\u{1F426}']);
});

test('loops of links, broken links and a folder named like a recording do no harm', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, { 'a/1.wav': 'x', 'a/folder.mp3/2.wav': 'x' });
    await symlink(dir, join(dir, 'a/loop'));
    await symlink('self.wav', join(dir, 'a/self.wav'));
    await symlink('nowhere.wav', join(dir, 'a/broken.wav'));
    await writeFile(Buffer.from(`${dir}/a/\xff.wav`, 'latin1'), 'x');
    const found = await findRecordings(dir, ['wav', 'mp3']);
    assert.equal(
      found.files.map((file) => file.path),
      ['a/1.wav', 'a/folder.mp3/2.wav'],
    );
    assert.equal(
      found.rejected.map(({ path, code }) => [path, code]),
      [
        ['a/broken.wav', 'broken_link'],
        ['a/loop', 'symlink_loop'],
        ['a/self.wav', 'symlink_loop'],
        ['a/\ufffd.wav', 'bad_name'],
      ],
    );
  }));

// Root reads everything.
const testWithPermissions = process.getuid?.() === 0 ? test.skip : test;

testWithPermissions('a folder that cannot be read is reported', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, { 'a/1.wav': 'x', 'b/2.wav': 'x' });
    await chmod(join(dir, 'b'), 0);
    const found = await findRecordings(dir, ['wav']);
    await chmod(join(dir, 'b'), 0o755);
    assert.equal(found.rejected, [
      { path: 'b', code: 'unreadable_folder', reason: 'The folder cannot be read (EACCES)' },
    ]);
  }),
);

test('a raw folder that is not there says what is expected', () =>
  withTempDir(async (dir) => {
    try {
      await findRecordings(join(dir, 'no'), ['wav']);
      assert.unreachable();
    } catch (error) {
      assert.match(
        (error as Error).message,
        /Expected a folder of recordings at data\.raw_dir=.*no but it does not exist/,
      );
    }
  }));

test('CSV is read with quotes, commas, line breaks, a byte order mark, CRLF and other separators', () => {
  const table = parseCsv('\uFEFFfile,note\r\n"a,1.wav","says ""hi""\nand more"\r\n\r\nb.wav\r\n');
  assert.equal(table.columns, ['file', 'note']);
  assert.equal(table.rows, [
    { file: 'a,1.wav', note: 'says "hi"\nand more' },
    { file: 'b.wav', note: '' },
  ]);
  assert.equal(table.lines, [2, 5]);
  assert.equal(parseCsv('file;class\na,b.wav;x').rows, [{ file: 'a,b.wav', class: 'x' }]);
  assert.equal(parseCsv('file\tclass\na.wav\tx').rows, [{ file: 'a.wav', class: 'x' }]);
});

test('a broken CSV names its line', () => {
  assert.throws(() => parseCsv('a,b\n1,2\n1,2,3', 'm.csv'), /m\.csv line 3 has 3 fields but the header names 2/);
  assert.throws(() => parseCsv('a,b\n1,"2', 'm.csv'), /m\.csv has a quote in line 2 that never closes/);
  assert.throws(() => parseCsv('a,a\n', 'm.csv'), /two columns named "a"/);
  assert.throws(() => parseCsv('', 'm.csv'), /m\.csv is empty/);
});

test('lists of labels are read in the spellings that tables use', () => {
  assert.equal(splitLabels('a;b | c;a'), ['a', 'b', 'c']);
  assert.equal(splitLabels('["a, x", "b"]'), ['a, x', 'b']);
  assert.equal(splitLabels(`['a', 'it\\'s']`), ['a', "it's"]);
  assert.equal(splitLabels('[]'), []);
  assert.equal(splitLabels(' '), []);
});

test('a session is a day of a recordist, though the table says the hour too', () =>
  withTempDir(async (dir) => {
    const times = ['2020-01-02 05:30', '2020-01-02T06:10:00Z', '2020-01-03 05:30'];
    await putFiles(dir, {
      ...Object.fromEntries(times.map((_, i) => [`x/${i}.wav`, ''])),
      'meta.csv': `file,recordist,recorded_at\n${times.map((time, i) => `x/${i}.wav,Ann,${time}\n`).join('')}`,
    });
    const { files } = await findRecordings(dir, ['wav']);
    const metadata = await readMetadata({ rawDir: dir, metadata: [join(dir, 'meta.csv')], columns }, files);
    const sessions = files.map(({ path }) => metadata.files.get(path)?.session);
    assert.equal(sessions, ['Ann|2020-01-02', 'Ann|2020-01-02', 'Ann|2020-01-03']);
  }));

test('two tables are joined by path, found from the raw folder or from the CSV', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, {
      'set/audio/x/1.wav': '',
      'set/audio/x/e\u0301.wav': '',
      'set/meta.csv':
        'file,species,background_species,recordist,date,licence,quality\nx/1.wav,X,"a;b;X",Ann,2020-01-02,CC0,A\naudio/x/\u00e9.wav,X,,Bob,,CC0,B\n',
      'folds.csv': 'file,fold,species\nx/1.wav,2,Y\nx/\u00e9.wav,1,X\nx/gone.wav,1,X\n',
    });
    const rawDir = join(dir, 'set/audio');
    const { files } = await findRecordings(rawDir, ['wav']);
    const metadata = await readMetadata(
      { rawDir, metadata: [join(dir, 'set/meta.csv'), join(dir, 'folds.csv')], columns },
      files,
    );
    const first = metadata.files.get('x/1.wav');
    assert.is(first?.label, 'X');
    assert.equal(first?.backgroundLabels, ['a', 'b']);
    assert.is(first?.session, 'Ann|2020-01-02');
    assert.is(first?.fold, '2');
    assert.equal(first?.metadata, { quality: 'A', recordist: 'Ann', date: '2020-01-02', licence: 'CC0' });
    assert.is(metadata.files.get('x/e\u0301.wav')?.fold, '1');
    assert.is(metadata.files.get('x/e\u0301.wav')?.session, null);
    assert.equal(metadata.columns, {
      path: 'file',
      label: 'species',
      background: 'background_species',
      date: 'date',
      recordist: 'recordist',
      fold: 'fold',
      licence: 'licence',
    });
    assert.equal(
      metadata.rejected.map(({ path, code }) => [path, code]),
      [['x/gone.wav', 'missing_file']],
    );
    assert.is(metadata.warnings.length, 1);
    assert.match(metadata.warnings[0] as string, /disagree about the label of 1 files \(x\/1\.wav\)/);
  }));

test('a table with start and end is one of annotations, unless it says more of whole recordings in a row each', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, {
      'raw/a/1.wav': '',
      'raw/a/2.wav': '',
      'clips.csv': 'file,start_s,end_s,licence\na/1.wav,82.1,88.1,CC0\na/2.wav,3,9,CC0\n',
      'marks.csv': 'file,label,start_s,end_s\na/1.wav,b,0.5,1\na/2.wav,a,2,3\n',
      'boxes.csv':
        'file,start_s,end_s,low_hz,high_hz,label\na/1.wav,2,3,1000,4000,b\na/1.wav,0.5,1,,,a\na/2.wav,1,0,,,a\n',
    });
    const rawDir = join(dir, 'raw');
    const { files } = await findRecordings(rawDir, ['wav']);
    const read = (...csvs: string[]) =>
      readMetadata({ rawDir, metadata: csvs.map((csv) => join(dir, csv)), columns }, files);
    const clips = await read('clips.csv');
    assert.equal(clips.files.get('a/1.wav')?.annotations, []);
    assert.equal(clips.files.get('a/1.wav')?.metadata, { start_s: '82.1', end_s: '88.1', licence: 'CC0' });
    const marks = await read('marks.csv');
    assert.equal(
      [...marks.files.values()].map(({ label, annotations }) => [label, annotations.length]),
      [
        ['b', 1],
        ['a', 1],
      ],
    );
    const boxes = await read('boxes.csv');
    assert.not.ok(boxes.hasLabels);
    assert.equal(boxes.files.get('a/1.wav')?.annotations, [
      { startS: 0.5, endS: 1, lowHz: null, highHz: null, label: 'a' },
      { startS: 2, endS: 3, lowHz: 1000, highHz: 4000, label: 'b' },
    ]);
    assert.match(boxes.warnings[0] as string, /line 4: start and end are not a stretch of time/);
  }));

test('columns can be named, switched off, and a wrong name lists what there is', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, { 'a/1.wav': '', 'm.csv': 'file,species,what\na/1.wav,X,Y\n' });
    const read = (more: Partial<typeof columns>) =>
      readMetadata({ rawDir: dir, metadata: [join(dir, 'm.csv')], columns: { ...columns, ...more } }, [
        { path: 'a/1.wav', bytes: 0 },
      ]);
    assert.is((await read({ label: 'what' as never })).files.get('a/1.wav')?.label, 'Y');
    assert.not.ok((await read({ label: '' as never })).hasLabels);
    try {
      await read({ fold: 'folds' as never });
      assert.unreachable();
    } catch (error) {
      assert.match(
        (error as Error).message,
        /data\.columns\.fold but received "folds": the columns are file, species, what/,
      );
    }
  }));

test('tables are read in the encodings and with the habits of spreadsheets', () =>
  withTempDir(async (dir) => {
    const text = 'file;label\r\na.wav;Mésange “bleue” €\r\nb.wav;x\r\n';
    const cp1252 = Buffer.from(
      text.replace(/[“”€]/g, (c) => ({ '“': '\x93', '”': '\x94', '€': '\x80' })[c] as string),
      'latin1',
    );
    const utf16 = Buffer.from(text, 'utf16le');
    const files = {
      utf8: Buffer.from(text),
      marked: Buffer.from(`\uFEFF${text}`),
      cp1252,
      utf16: Buffer.concat([Buffer.of(0xff, 0xfe), utf16]),
      unmarked: utf16,
      bigEndian: Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(utf16).swap16()]),
      sep: Buffer.from(`sep=;\r\n${text}`),
      trailing: Buffer.from(`${text.replaceAll('\r\n', ';;\r\n')};;;\r\n`),
    };
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(dir, `${name}.csv`);
      await writeFile(path, bytes);
      const { rows, columns: names, notes } = await readTable(path);
      assert.equal(names, ['file', 'label'], name);
      assert.equal(rows, [
        { file: 'a.wav', label: 'Mésange “bleue” €' },
        { file: 'b.wav', label: 'x' },
      ]);
      assert.is(notes.length, name === 'cp1252' ? 1 : 0, name);
      if (name === 'cp1252') assert.match(notes[0] as string, /is not UTF-8 and was read as Windows-1252/);
      assert.equal(await csvRows(path), { columns: names, rows, notes }, name);
    }
    await writeFile(join(dir, 'book.xlsx.csv'), Buffer.of(0x50, 0x4b, 3, 4, 20, 0, 0xe9, 0, 8, 0x9d));
    for (const read of [readTable, csvRows]) {
      const error = await read(join(dir, 'book.xlsx.csv')).catch((thrown: Error) => thrown);
      assert.match((error as Error).message, /is no text in UTF-8, UTF-16 or Windows-1252: save it as "CSV UTF-8"/);
    }
  }));

test('a table read row by row is the one read as a whole, wherever its pieces end', () =>
  withTempDir(async (dir) => {
    // More than the pieces of the file, with a letter, a line end or a quoted cell at their ends.
    const rows = Array.from({ length: 40_000 }, (_, i) => `r${i},"é ""${i}""\r\nx",${i % 3 === 0 ? '' : 'v'}`);
    const text = `file,note,\r\n${rows.join('\r\n')}\r\n,,\r\n\r\n,,\r\n`;
    const late = Buffer.concat([Buffer.from(text.replaceAll('é', 'e')), Buffer.of(0xe9), Buffer.from(',,\r\n')]);
    for (const [name, bytes] of Object.entries({
      text: Buffer.from(text),
      late,
      utf16: Buffer.from(`\uFEFF${text.replaceAll('é', '\u{1F426}')}`, 'utf16le'),
      long: Buffer.from(`${text}a,b,c,d\r\n`),
      open: Buffer.from(`${text}a,"b,c\r\n`),
      twice: Buffer.from(text.replace('file', 'note')),
    })) {
      const path = join(dir, `${name}.csv`);
      await writeFile(path, bytes);
      const [whole, streamed] = await Promise.allSettled([readTable(path), csvRows(path)]);
      if (whole.status === 'rejected') {
        assert.is((streamed as PromiseRejectedResult).reason.message, whole.reason.message, name);
      } else {
        const { columns: names, rows: records, notes } = whole.value;
        assert.equal(
          (streamed as PromiseFulfilledResult<unknown>).value,
          { columns: names, rows: records, notes },
          name,
        );
        assert.is(records.length, name === 'late' ? 40_003 : 40_000);
      }
    }
  }));

test('whatever our own CSV holds is read as it was written', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', ',', ';', '"', '\n', '\r\n', ' ', '\t', '1') });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('x', 'y'), cell, cell), { minLength: 1 }), (rows) => {
      const text = csvRow(['one', 'two', 'three']) + rows.map((row) => csvRow(row)).join('');
      assert.equal(
        parseCsv(text).rows,
        rows.map(([one, two, three]) => ({ one, two, three })),
      );
    }),
  );
});

test('numbers with a decimal comma are read where the comma separates nothing', () => {
  const number = (cell: string, decimalComma = true) => cellNumber(cell, { decimalComma });
  assert.equal(
    ['0,5', '-1.234,5', '1e3', '.5', '1,2e-3'].map((cell) => number(cell)),
    [0.5, -1234.5, 1000, 0.5, 0.0012],
  );
  assert.equal(
    ['', ' ', 'NA', '0x10', '1,2,3', '1 000'].map((cell) => number(cell)),
    [null, null, null, null, null, null],
  );
  assert.is(number('0,5', false), null);
});

test('a label with a damaged character is refused by its line', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, { 'a.wav': '', 'm.csv': 'file,label\na.wav,P\uFFFDjaro\n' });
    const found = [{ path: 'a.wav', bytes: 0 }];
    const error = await readMetadata({ rawDir: dir, metadata: [join(dir, 'm.csv')], columns }, found).catch(
      (thrown: Error) => thrown,
    );
    assert.match((error as Error).message, /m\.csv line 2 has a label with a damaged character/);
  }));

test('a row finds its file by name where one has it, and a near name is offered', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, {
      'raw/Robin/one.wav': '',
      'raw/Robin/f0.wav': '',
      'raw/Wren/two.wav': '',
      'raw/Wren/f0.wav': '',
      'raw/Wren/f9.wav': '',
      't.csv':
        'file,label\none.wav,R\n/elsewhere/Wren/two.wav,W\n/other/card/f9.wav,W\nf0.wav,?\nrobin/ONE.WAV,R\nf9.flac,W\n',
    });
    const { files } = await findRecordings(join(dir, 'raw'), ['wav']);
    const metadata = await readMetadata({ rawDir: join(dir, 'raw'), metadata: [join(dir, 't.csv')], columns }, files);
    assert.equal([...metadata.files.keys()], ['Robin/one.wav', 'Wren/two.wav']);
    assert.equal(
      metadata.rejected.map(({ path, code, reason }) => [path, code, reason.replace(/^.*\.csv, but /, '')]),
      [
        ['/other/card/f9.wav', 'missing_file', 'there is no such file: did you mean Wren/f9.wav?'],
        ['f0.wav', 'ambiguous_file', 'Robin/f0.wav and Wren/f0.wav end so'],
        ['robin/ONE.WAV', 'missing_file', 'there is no such file: did you mean Robin/one.wav?'],
        ['f9.flac', 'missing_file', 'there is no such file: did you mean Wren/f9.wav?'],
      ],
    );
  }));

test('what a dataset says of tables and of recordings outside the raw folder names no folder of this machine', () =>
  withTempDir(async (dir) => {
    await putFiles(dir, {
      'raw/a.wav': '',
      'outside.wav': '',
      'tables/t.csv': 'file,label\na.wav,R\na.wav,R\n../outside.wav,R\ngone.wav,R\n,R\n',
      'tables/lost.labels.txt': '0.0\t1.0\tR\n',
      'more/lost.labels.txt': '0.0\t1.0\tR\n',
    });
    const { files } = await findRecordings(join(dir, 'raw'), ['wav']);
    const tables = ['tables/t.csv', 'tables/lost.labels.txt', 'more/lost.labels.txt'].map((name) => join(dir, name));
    const { rejected, warnings } = await readMetadata({ rawDir: join(dir, 'raw'), metadata: tables, columns }, files);
    assert.equal(
      rejected.map(({ path, code, reason }) => [path, code, reason.split(',')[0]]),
      [
        ['../outside.wav', 'outside_raw_dir', 'Named by tables/t.csv'],
        ['gone.wav', 'missing_file', 'Named by tables/t.csv'],
        ['tables/t.csv', 'missing_file', 'A row of the metadata names no file'],
        ['tables/lost.labels.txt', 'missing_file', 'It has no column with paths'],
        ['more/lost.labels.txt', 'missing_file', 'It has no column with paths'],
      ],
    );
    assert.is(warnings.length, 1);
    assert.match(warnings[0] as string, /^tables\/t\.csv: 1 more rows name a file again/);
    assert.not.match(JSON.stringify({ rejected, warnings }), dir);
  }));

test('folders of the system and hidden files are passed over and counted, empty classes and near twins are named', () =>
  withTempDir(async (dir) => {
    const folders = [
      'Robin',
      'robin',
      'Wren',
      'Wren ',
      'Turdus_merula',
      'Turdus merula',
      'e\u0301',
      '\u00e9',
      '-Robin',
    ];
    const system = ['.ipynb_checkpoints', '@eaDir', '$RECYCLE.BIN', '__MACOSX', 'Robin/.git'];
    await putFiles(dir, Object.fromEntries([...folders, ...system].map((folder) => [`${folder}/0.wav`, ''])));
    await putFiles(dir, { 'Robin/._0.wav': '' });
    await mkdir(join(dir, 'Empty'));
    const found = await findRecordings(dir, ['wav']);
    assert.is(found.files.length, folders.length);
    assert.equal(found.warnings, [
      'Passed over 5 system or hidden folders: $RECYCLE.BIN, .ipynb_checkpoints, @eaDir, …',
      'Passed over 1 hidden file: Robin/._0.wav',
    ]);
    const metadata = await readMetadata({ rawDir: dir, metadata: [], columns }, found.files);
    const { files, warnings } = labelFiles(found, metadata, { metadata: [] });
    assert.equal([...new Set(files.map(({ label }) => label))].sort(), [
      '-Robin',
      'Robin',
      'Turdus merula',
      'Turdus_merula',
      'Wren',
      'robin',
      '\u00e9',
    ]);
    assert.equal(warnings, [
      '"-Robin" and "Robin" and "robin" are 3 classes: give them one name if they are the same',
      '"Turdus merula" and "Turdus_merula" are 2 classes: give them one name if they are the same',
      '"Wren" and "Wren " are taken for one class',
      '"e\u0301" and "\u00e9" are taken for one class',
      'No recordings in Empty/',
    ]);
  }));

test('names of no event are known in any case and punctuation', () => {
  const names = ['noise', 'background', 'silence'];
  const labels = ['Background', 'NOISE', '_noise_', 'Noisy Miner', 'silence', 'wren'];
  assert.equal(noEventLabelsOf(labels, names), ['Background', 'NOISE', '_noise_', 'silence']);
});

test.run();

/** What {@link openCsv} gives row by row, gathered. */
async function csvRows(path: string): Promise<Pick<CsvTable, 'columns' | 'rows' | 'notes'>> {
  let records: (readonly string[])[] = [];
  const { used, notes } = await (await openCsv(path)).read(() => {
    records = [];
    return (record) => records.push(record);
  });
  const rows = records.map((record) =>
    Object.fromEntries(used.map(({ column, place }) => [column, record[place] ?? ''])),
  );
  return { columns: used.map(({ column }) => column), rows, notes };
}
