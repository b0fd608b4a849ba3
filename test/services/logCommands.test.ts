// time-limit: 240
/** `autobird log`, with a service that writes and without. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'libsql';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { logVersion, oldestVersion } from '../../services/predictionLog/migrations.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { rowsOf } from '../helpers/rowsOf.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const writer = fileURLToPath(new URL('../helpers/appendForever.ts', import.meta.url));
const tsx = ['--import', fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url))];

async function autobird(dir: string, ...words: string[]) {
  const given = [...tsx, main, 'log', ...words, `service.log.path=${dir}/log.db`];
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
    assert.is(format, logVersion);
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
      `Expected a format from ${oldestVersion} to ${logVersion} for --to`,
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

test('what is no log is not restored, and what is missing is said', () =>
  withTempDir(async (dir) => {
    await writeFile(`${dir}/diary.db`, 'this is a diary, not a database. '.repeat(200));
    assert.match((await autobird(dir, 'restore', `${dir}/diary.db`)).stderr, 'is damaged, or no prediction log');
    assert.match((await autobird(dir, 'backup', `${dir}/copy.db`)).stderr, 'There is no prediction log');
    assert.match((await autobird(dir, 'backup')).stderr, 'Expected one backup file for log backup but received 0');
    assert.equal(await readdir(dir), ['diary.db']);
  }));

test.run();
