// time-limit: 240
/** `autobird log` and `autobird jobs`, with a service that writes and without. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'libsql';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newestFormat, oldestFormat } from '../../services/database/tables.ts';
import { JobStore } from '../../services/jobs/JobStore.ts';
import { jobTables } from '../../services/jobs/jobTables.ts';
import { logTables } from '../../services/predictionLog/logTables.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { rowsOf } from '../helpers/rowsOf.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const writer = fileURLToPath(new URL('../helpers/appendForever.ts', import.meta.url));
const holder = fileURLToPath(new URL('../helpers/holdJob.ts', import.meta.url));
const tsx = ['--import', fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url))];

/** Words of `autobird log`, or of `autobird jobs` where they begin with `jobs`. */
async function autobird(dir: string, ...words: string[]) {
  const command = words[0] === 'jobs' ? words : ['log', ...words, `service.log.path=${dir}/log.db`];
  const given = [...tsx, main, ...command];
  return await promisify(execFile)(process.execPath, given, { cwd: dir }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ status: code as number, stdout: stdout as string, stderr: stderr as string }),
  );
}

test('a backup is whole while rows are written, and is restored only when nobody writes', () =>
  withTempDir(async (dir) => {
    const child = spawn(process.execPath, [...tsx, writer, `${dir}/log.db`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    (child.stdout as Readable).on('data', (chunk) => {
      printed += chunk;
    });
    while (printed.length < 1000) await once(child.stdout as Readable, 'data');
    const before = printed.split('\n').slice(0, -1);
    const made = await autobird(dir, 'backup', `${dir}/copy.db`, '--json');
    assert.is(made.status, 0, made.stderr);
    const { rows, format } = JSON.parse(made.stdout);
    assert.is(format, newestFormat(logTables));
    assert.ok(rows >= before.length, `${rows} rows, ${before.length} before`);
    assert.match((await autobird(dir, 'backup', `${dir}/copy.db`)).stderr, 'already: name another one');
    assert.match((await autobird(dir, 'restore', `${dir}/copy.db`)).stderr, 'in use: stop the services');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(printed.split('\n').length - 1 > before.length, 'it wrote meanwhile');
    const restored = await autobird(dir, 'restore', `${dir}/copy.db`);
    assert.is(restored.status, 0, restored.stderr);
    assert.match(restored.stdout, new RegExp(`${rows} rows of .*copy.db. What was there is .*log.db.before-`));
    const log = await PredictionLog.open({ path: `${dir}/log.db` });
    assert.is((await log.stats()).rows, rows);
    const kept = new Set((await rowsOf(log, {}, 100_000)).map(({ requestId }) => requestId));
    assert.equal(
      before.slice(-100).filter((id) => !kept.has(id)),
      [],
    );
    await log.close();
    assert.ok(
      (await readdir(dir)).some((name) => name.startsWith('log.db.before-')),
      'nothing is thrown away',
    );
  }));

const oldestVersion = oldestFormat(logTables);

test('an older autobird opens the log again after a downgrade, and a newer one upgrades it', () =>
  withTempDir(async (dir) => {
    const path = `${dir}/log.db`;
    const child = spawn(process.execPath, [...tsx, writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout as Readable, 'data');
    assert.match((await autobird(dir, 'downgrade', '--to', String(oldestVersion))).stderr, 'in use: stop the services');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.match(
      (await autobird(dir, 'downgrade', '--to', '1')).stderr,
      `Expected a format from ${oldestVersion} to ${newestFormat(logTables)} for --to`,
    );
    assert.match((await autobird(dir, 'downgrade')).stderr, 'Expected --to FORMAT');
    const back = await autobird(dir, 'downgrade', '--to', String(oldestVersion));
    assert.match(back.stdout, `${path} is of format ${oldestVersion}, with `, back.stderr);
    const database = new Database(path);
    const names = (database.pragma('table_info(predictions)') as { name: string }[]).map(({ name }) => name);
    assert.not(names.includes('place'));
    database.close();
    const again = await PredictionLog.open({ path });
    assert.is((await rowsOf(again))[0]?.place, null);
    await again.close();
  }));

/** Tables and indexes, without white space. */
function tablesOf(database: Database.Database): string[] {
  const rows = database.prepare("SELECT sql FROM sqlite_master WHERE sql <> '' ORDER BY name").all() as {
    sql: string;
  }[];
  return rows.map(({ sql }) => sql.replace(/\s/g, ''));
}

test('jobs of an older autobird go on, and it opens them again after a downgrade', () =>
  withTempDir(async (dir) => {
    const path = `${dir}/jobs.db`;
    const setting = `service.jobs.dir=${dir}`;
    const old = new Database(path);
    old.exec(await readFile(new URL('../fixtures/jobs-format-1.sql', import.meta.url), 'utf8'));
    const tables = tablesOf(old);
    old.close();
    // In a process of its own: the driver lets go of a file that was closed only some time later.
    const child = spawn(process.execPath, [...tsx, holder, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.is(String((await once(child.stdout as Readable, 'data'))[0]), 'second\n', 'the oldest that waits');
    assert.match((await autobird(dir, 'jobs', 'downgrade', '--to', '1', setting)).stderr, 'in use: stop the services');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const sent = new Database(path);
    sent.exec("UPDATE jobs SET client = 'somebody-who-sent-it' WHERE id = 'third'");
    sent.close();
    const wrong = await autobird(dir, 'jobs', 'downgrade', '--to', '0', setting);
    assert.match(wrong.stderr, `Expected a format from 1 to ${newestFormat(jobTables)} for --to but received 0`);
    const back = await autobird(dir, 'jobs', 'downgrade', '--to', '1', setting, '--json');
    assert.is(back.status, 0, back.stderr);
    const { rows, format } = JSON.parse(back.stdout);
    assert.equal([rows, format], [3, 1]);
    assert.not.match(await readFile(path, 'latin1'), 'somebody-who-sent-it', 'what is dropped is overwritten');
    const database = new Database(path);
    assert.equal(tablesOf(database), tables);
    assert.is((database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version, 1);
    database.close();
    const again = JobStore.open(path);
    assert.equal(again.counts(), { queued: 1, running: 1 });
    again.close();
    const none = await autobird(dir, 'jobs', 'downgrade', '--to', '1', `service.jobs.dir=${dir}/none`);
    assert.is(none.status, 1);
    assert.match(none.stderr, `There is no list of jobs ${dir}/none/jobs.db: name it with service.jobs.dir`);
  }));

test('PostgreSQL that is not there is a sentence without the password, and a backup of it is refused', () =>
  withTempDir(async (dir) => {
    const password = `${'secret'}word`;
    const url = (rest: string) => `service.log.postgres.url='postgresql://u:${password}@${rest}'`;
    const away = await autobird(dir, 'downgrade', '--postgres', '--to', '1', url('127.0.0.1:1/d'));
    assert.is(away.status, 1);
    assert.match(away.stderr, /^PostgreSQL at 127\.0\.0\.1:1\/d failed: .*ECONNREFUSED.*\n$/);
    const wrong = await autobird(dir, 'downgrade', '--postgres', '--to', '1', url('host:port:port/%d'));
    assert.match(wrong.stderr, /^DATABASE_URL .* cannot be read as postgresql:.*\n$/);
    assert.not.match(wrong.stderr, password);
    const backup = await autobird(dir, 'backup', '--postgres', `${dir}/copy.db`);
    assert.is(backup.status, 2);
    assert.match(backup.stderr, 'Expected --postgres with log downgrade only');
  }));

test('what is no log is not restored, and what is missing is named', () =>
  withTempDir(async (dir) => {
    await writeFile(`${dir}/diary.db`, 'this is a diary, not a database. '.repeat(200));
    assert.match((await autobird(dir, 'restore', `${dir}/diary.db`)).stderr, 'is damaged, or no prediction log');
    assert.match((await autobird(dir, 'backup', `${dir}/copy.db`)).stderr, 'There is no prediction log');
    assert.match((await autobird(dir, 'backup')).stderr, 'Expected one backup file for log backup but received 0');
    assert.equal(await readdir(dir), ['diary.db']);
  }));

test.run();
