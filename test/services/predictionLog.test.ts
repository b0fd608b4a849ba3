import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { parquetReadObjects } from 'hyparquet';
import Database from 'libsql';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { downgrade, newestFormat, oldestFormat, type Upgrade } from '../../services/database/tables.ts';
import { fullCsv, originalCsv, parquet } from '../../services/predictionLog/exportLog.ts';
import { eachPage, type LoggedPage, type LogPlace } from '../../services/predictionLog/LogReader.ts';
import { logTables } from '../../services/predictionLog/logTables.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import type { AutobirdError } from '../../src/index.ts';
import { eventually } from '../helpers/eventually.ts';
import { logEntryOf as entry } from '../helpers/logEntry.ts';
import { rowsOf } from '../helpers/rowsOf.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

async function withLog(use: (log: PredictionLog, path: string) => Promise<void>, retentionDays: number | null = null) {
  await withTempDir(async (dir) => {
    const path = join(dir, 'log.db');
    const log = await PredictionLog.open({ path, retentionDays });
    try {
      await use(log, path);
    } finally {
      await log.close();
    }
  });
}

test('a row comes back as it was written', () =>
  withLog(async (log) => {
    await log.append(entry());
    await log.append(
      entry({
        requestId: 'r2',
        label: null,
        durationS: null,
        scores: null,
        labels: null,
        driftFeatures: null,
        errorCode: 'not_audio',
      }),
    );
    const [failed, predicted] = await rowsOf(log);
    const { audio, labels, scores, ...rest } = entry();
    assert.equal(predicted, { ...rest, id: 1, scores: { wren: 0.75, robin: 0.25 }, trueLabel: undefined });
    assert.is(failed?.errorCode, 'not_audio');
    assert.is(failed?.scores, null);
    assert.is(failed?.driftFeatures, null);
  }));

test('rows of the same moment are one commit, and each promise waits for it', () =>
  withLog(async (log, path) => {
    await Promise.all(Array.from({ length: 300 }, (_, part) => log.append(entry({ part }))));
    const reader = new Database(path);
    assert.is((reader.prepare('SELECT count(*) AS n FROM predictions').get() as { n: number }).n, 300);
    reader.close();
    assert.is((await log.stats()).rows, 300);
  }));

test('rows that could not be written are refused with the reason, and those after them are whole', () =>
  withLog(async (log, path) => {
    const other = new Database(path);
    // Ends the transaction by itself, as a full disk does.
    other.exec(
      "CREATE TRIGGER full BEFORE INSERT ON predictions BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    );
    const failed = await log.append(entry()).catch((error) => error);
    assert.is(failed.code, 'log_unavailable');
    assert.match(failed.message, /cannot be written: database or disk is full/);
    other.exec('DROP TRIGGER full');
    other.close();
    await log.append(entry());
    const rows = await rowsOf(log);
    assert.equal(
      rows.map(({ scores }) => scores),
      [{ wren: 0.75, robin: 0.25 }],
    );
  }));

test('feedback is joined to its row, and the newest counts', () =>
  withLog(async (log) => {
    await log.append(entry());
    await log.addFeedback({ requestId: 'r1', part: 0, label: 'robin', note: null });
    assert.is((await rowsOf(log, {}))[0]?.trueLabel, 'robin');
    await log.addFeedback({ requestId: 'r1', part: 0, label: null, note: 'only wind' });
    assert.is((await rowsOf(log, {}))[0]?.trueLabel, null);
    const failure = await log
      .addFeedback({ requestId: 'r9', part: 0, label: 'robin', note: null })
      .catch((error: AutobirdError) => error.code);
    assert.is(failure, 'not_found');
  }));

test('a row is written once, whoever repeats it; another result is another row', () =>
  withLog(async (log) => {
    const rows = [entry(), entry({ part: 1 }), entry({ shadow: true }), entry({ modelVersion: 'v2' })];
    const refused = entry({ errorCode: 'overloaded', modelVersion: null, clips: 0 });
    for (let n = 0; n < 3; n++)
      await Promise.all([...rows, refused].map((row) => log.append({ ...row, time: new Date() })));
    assert.is((await rowsOf(log)).length, 5);
    assert.is((await log.stats()).rows, 5);
  }));

test('several columns are looked for without a page that takes long, and all is found', () =>
  withLog(async (log) => {
    const rows = Array.from({ length: 45_000 }, (_, part) =>
      entry({ part, time: new Date(part), place: part % 2 ? 'pond' : 'wood', label: part === 2 ? 'owl' : 'wren' }),
    );
    await Promise.all(rows.map((row) => log.append(row)));
    const found: number[] = [];
    let pages = 0;
    for (let after: LogPlace | null | undefined; after !== null; pages++) {
      const filter = { place: 'wood', label: 'owl', until: new Date(40_000) };
      const page: LoggedPage = await log.page(filter, { limit: 10, order: 'DESC', after });
      found.push(...page.rows.map(({ part }) => part));
      after = page.next;
    }
    assert.equal(found, [2]);
    assert.is(pages, 2, '20,000 rows of the place before that time');
    assert.is((await rowsOf(log, { place: 'pond', label: 'wren', since: new Date(44_000) })).length, 500);
  }));

test('rows with thousands of scores are few a page', () =>
  withLog(async (log) => {
    const labels = Array.from({ length: 5000 }, (_, n) => `label ${n}`);
    const scores = new Float32Array(5000);
    for (let part = 0; part < 25; part++) await log.append(entry({ part, modelVersion: 'wide', labels, scores }));
    const { rows, next } = await log.page({}, { limit: 1000, order: 'DESC' });
    assert.is(rows.length, 10);
    assert.ok(next);
    assert.is((await all(eachPage(log, {}))).flat().length, 25);
  }));

test('rows wait for another writer of the file while the thread goes on', () =>
  withLog(async (log, path) => {
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const turning = setInterval(() => turns++, 5);
    const written = log.append(entry());
    await new Promise((resolve) => setTimeout(resolve, 300));
    other.exec('COMMIT');
    other.close();
    await written;
    clearInterval(turning);
    assert.ok(turns > 20, `${turns} turns`);
  }));

test('pages and filters find what they should', () =>
  withLog(async (log) => {
    const day = (n: number) => new Date(Date.UTC(2026, 0, n));
    for (let n = 1; n <= 9; n++) {
      await log.append(
        entry({ requestId: `r${n}`, time: day(n), label: n % 2 ? 'wren' : 'robin', fileName: `${n}.wav` }),
      );
    }
    const first = await log.page({}, { limit: 4, order: 'DESC' });
    const second = await log.page({}, { limit: 4, order: 'DESC', after: first.next ?? undefined });
    assert.equal(
      [...first.rows, ...second.rows].map(({ requestId }) => requestId),
      ['r9', 'r8', 'r7', 'r6', 'r5', 'r4', 'r3', 'r2'],
    );
    assert.is((await rowsOf(log, { label: 'wren' })).length, 5);
    assert.equal(
      (await rowsOf(log, { since: day(3), until: day(5) })).map(({ requestId }) => requestId),
      ['r4', 'r3'],
    );
    assert.is((await rowsOf(log, { fileName: "x' OR 1=1 --" })).length, 0);
    await log.append(entry({ shadow: true, time: day(10) }));
    const rows = await log.driftRows({ since: day(2) }, 5);
    assert.equal(
      rows.map(({ time }) => time.getUTCDate()),
      [5, 6, 7, 8, 9],
    );
    assert.equal(rows[0], {
      time: day(5),
      target: 'wren',
      confidence: 0.75,
      melMean: -5,
      melStd: 2,
      energyMean: -1,
      energyStd: 0.5,
    });
  }));

test('what is deleted cannot be read in the files any more', () =>
  withLog(async (log, path) => {
    const secret = 'bedroom-of-Ann.wav';
    const audio = Buffer.from('VOICE-OF-ANN'.repeat(500));
    await log.append(entry({ fileName: secret, audio }));
    for (let n = 0; n < 1200; n++) log.append(entry({ requestId: `o${n}`, fileName: n % 2 ? secret : 'other.wav' }));
    await log.append(entry({ requestId: 'last' }));
    await log.addFeedback({ requestId: 'r1', part: 0, label: 'wren', note: 'Ann said so' });
    const inFiles = async (text: string) => {
      const files = await Promise.all(
        ['', '-wal'].map((ending) => readFile(`${path}${ending}`).catch(() => Buffer.alloc(0))),
      );
      return files.some((bytes) => bytes.includes(text));
    };
    assert.ok(await inFiles(secret));
    assert.ok(await inFiles('VOICE-OF-ANN'));
    assert.is(await log.delete({ fileName: secret }), 601);
    for (const text of [secret, 'VOICE-OF-ANN', 'Ann said so']) assert.not(await inFiles(text), text);
    assert.is((await log.stats()).rows, 601);
    assert.is(await log.delete({ until: new Date('2030-01-01') }), 601);
  }));

test('old rows go after the days of retention', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'log.db');
    const before = await PredictionLog.open({ path });
    await before.append(entry({ requestId: 'old', time: new Date(Date.now() - 3 * 86_400_000) }));
    await before.append(entry({ time: new Date() }));
    await before.close();
    const log = await PredictionLog.open({ path, retentionDays: 2 });
    await eventually(async () => (await log.stats()).rows === 1, 'the old row is still there');
    await log.close();
  }));

test("exports are the original's CSV, all columns, and Parquet", () =>
  withLog(async (log) => {
    await log.append(entry({ fileName: 'a, "b".wav' }));
    await log.append(entry({ requestId: 'r2', label: null, shadow: false }));
    await log.append(entry({ requestId: 'r3', shadow: true }));
    await log.append(
      entry({ requestId: 'r4', errorCode: 'not_audio', scores: null, label: null, driftFeatures: null }),
    );
    await log.addFeedback({ requestId: 'r2', part: 0, label: 'robin', note: null });
    assert.is(
      (await all(originalCsv(eachPage(log, {})))).join(''),
      'time, audio_file, prediction\n' +
        '2026-01-23 14:02:11.123000+00:00, "a, ""b"".wav", wren\n' +
        '2026-01-23 14:02:11.123000+00:00, dawn.wav, no event\n',
    );
    const [header, ...rows] = (await all(fullCsv(eachPage(log, {})))).join('').trimEnd().split('\r\n');
    assert.match(header as string, /^id,request_id,part,time,.*,has_feedback,true_label$/);
    assert.is(rows.length, 4);
    assert.match(rows[0] as string, /"\{""wren"":0.75,""robin"":0.25\}"/);
    assert.match(rows[1] as string, /,true,robin$/);
    const file = Buffer.concat(await all(parquet(eachPage(log, {}))));
    const objects = await parquetReadObjects({
      file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
    });
    assert.is(objects.length, 4);
    assert.equal(objects[0]?.['time'], new Date('2026-01-23T14:02:11.123Z'));
    assert.equal(objects[0]?.['scores'], { wren: 0.75, robin: 0.25 });
    assert.is(objects[0]?.['file_name'], 'a, "b".wav');
    assert.is(objects[3]?.['error_code'], 'not_audio');
    assert.is(objects[3]?.['mel_mean'] ?? null, null);
  }));

test('names and labels that a spreadsheet would compute are text in CSV, and as they are in Parquet', () =>
  withTempDir(async (dir) => {
    const log = await PredictionLog.open({ path: `${dir}/log.db` });
    await log.append(entry({ fileName: '=1+1.wav', label: '@SUM(A1)', place: '+2' }));
    const parts = async (chunks: AsyncIterable<string>) => (await all(chunks)).join('');
    assert.match(await parts(originalCsv(eachPage(log, {}))), ", '=1+1.wav, '@SUM(A1)\n");
    const full = await parts(fullCsv(eachPage(log, {})));
    for (const cell of [",'=1+1.wav,", ",'@SUM(A1),", ",'+2,"]) assert.match(full, cell);
    const bytes = Buffer.concat(await all(parquet(eachPage(log, {}))));
    const [row] = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    assert.equal([row?.['file_name'], row?.['label'], row?.['place']], ['=1+1.wav', '@SUM(A1)', '+2']);
    await log.close();
  }));

test('a thread that dies is started again: what it did fails, rows are written on', () =>
  withTempDir(async (dir) => {
    const threads: Worker[] = [];
    const keep = (worker: Worker) => threads.push(worker);
    process.on('worker', keep);
    const log = await PredictionLog.open({ path: `${dir}/log.db` });
    for (let i = 0; i < 2000; i++) void log.append(entry({ requestId: `r${i}`, part: i }));
    await log.append(entry({ requestId: 'last' }));
    for (let round = 1; round <= 3; round++) {
      const deletion = log.delete({ label: 'wren' }).then(
        () => 'done',
        ({ code }: AutobirdError) => code,
      );
      await threads.at(-1)?.terminate();
      assert.is(await deletion, 'log_unavailable');
      await log.append(entry({ requestId: `after ${round}` }));
      await eventually(async () => {
        const rows = await rowsOf(log).catch(() => []);
        return rows.some(({ requestId }) => requestId === `after ${round}`);
      }, 'the log is read again');
    }
    assert.is(threads.length, 4);
    assert.ok((await log.delete({ label: 'wren' })) > 0);
    assert.equal(await rowsOf(log), []);
    await log.close();
    process.off('worker', keep);
  }));

test('an export of many rows goes page by page', () =>
  withLog(async (log) => {
    await Promise.all(Array.from({ length: 4500 }, (_, part) => log.append(entry({ part }))));
    const pages = await all(eachPage(log, {}));
    assert.equal(
      pages.map((page) => page.length),
      Array(9).fill(500),
    );
    const file = Buffer.concat(await all(parquet(eachPage(log, {}))));
    const objects = await parquetReadObjects({
      file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
    });
    assert.is(objects.length, 4500);
  }));

test('a file that is no database, or a newer one, is refused and left as it is', () =>
  withTempDir(async (dir) => {
    const garbage = join(dir, 'garbage.db');
    await writeFile(garbage, 'this is a diary, not a database. '.repeat(200));
    const failure = (path: string) =>
      PredictionLog.open({ path }).then(
        () => {
          throw new Error('it was opened');
        },
        (error: AutobirdError) => error,
      );
    const damaged = await failure(garbage);
    assert.is(damaged.code, 'damaged_log');
    assert.match(damaged.message, garbage);
    assert.match(await readFile(garbage, 'utf8'), /^this is a diary/);
    const newer = join(dir, 'newer.db');
    const database = new Database(newer);
    database.exec('PRAGMA user_version = 999');
    database.close();
    const refused = await failure(newer);
    assert.is(refused.code, 'newer_log');
    assert.match(refused.message, /newer autobird \(format 999, .*autobird log downgrade --to \d+ with the newer one/);
    assert.is((await failure(join(garbage, 'log.db'))).code, 'log_unavailable');
  }));

test('the write-ahead log is begun anew by the thread: the first write after it was copied waits for the disk', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'log.db');
    const log = await PredictionLog.open({ path });
    await log.append(entry());
    // Two random numbers at every beginning (sqlite.org/fileformat2.html#walformat).
    const salts = async () => (await readFile(`${path}-wal`)).subarray(16, 24).toString('hex');
    const before = await salts();
    await eventually(async () => !['', before].includes(await salts()), 'the next row would have to wait');
    await log.append(entry({ requestId: 'r2' }));
    await log.close();
    const copy = join(dir, 'copy.db');
    await copyFile(path, copy);
    const alone = await PredictionLog.open({ path: copy });
    assert.is((await alone.stats()).rows, 2, 'a log that was closed is whole without its write-ahead log');
    await alone.close();
  }));

test('a log of an older autobird is brought up to date and keeps its rows', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'log.db');
    const before = await PredictionLog.open({ path });
    await before.append(entry());
    await before.close();
    const database = new Database(path);
    downgrade(database, logTables, oldestFormat(logTables));
    database.exec('DROP TABLE spool; ALTER TABLE predictions DROP COLUMN decode_ms; PRAGMA user_version = 1');
    database.close();
    const upgrades: Upgrade[] = [];
    const log = await PredictionLog.open({ path, onUpgrade: (upgrade) => upgrades.push(upgrade) });
    assert.equal(upgrades, [{ from: 1, to: newestFormat(logTables), rows: 1 }]);
    await log.append(entry({ requestId: 'r2' }));
    assert.equal(
      (await rowsOf(log, {})).map(({ requestId, decodeMs }) => [requestId, decodeMs]),
      [
        ['r2', 3],
        ['r1', null],
      ],
    );
    await log.close();
  }));

test('a log that was closed refuses rows instead of losing them', () =>
  withTempDir(async (dir) => {
    const log = await PredictionLog.open({ path: join(dir, 'log.db') });
    await log.close();
    const failure = await log.append(entry()).then(
      () => null,
      (error: AutobirdError) => error.code,
    );
    assert.is(failure, 'log_unavailable');
  }));

test('kill -9 at any instant loses no row that was acknowledged', () =>
  withTempDir(async (dir) => {
    const script = fileURLToPath(new URL('../helpers/appendForever.ts', import.meta.url));
    for (let round = 0; round < 6; round++) {
      const path = join(dir, `${round}.db`);
      const child = spawn(process.execPath, ['--import', 'tsx', script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
        if (printed.length > 10 && !child.killed) setTimeout(() => child.kill('SIGKILL'), randomInt(300));
      });
      await new Promise((resolve) => child.on('close', resolve));
      const acknowledged = printed.split('\n').slice(0, -1);
      assert.ok(acknowledged.length > 0);
      const log = await PredictionLog.open({ path });
      const kept = new Set((await all(eachPage(log, {}))).flat().map(({ requestId }) => requestId));
      const lost = acknowledged.filter((id) => !kept.has(id));
      assert.equal(lost, [], `${acknowledged.length} acknowledged`);
      await log.close();
    }
    assert.ok((await readdir(dir)).length >= 6);
  }));

test.run();
