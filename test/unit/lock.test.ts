import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, relative } from 'node:path';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutobirdError } from '../../bindings/errors.ts';
import { takeLock } from '../../src/lock.ts';
import { eventually } from '../helpers/eventually.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const options = { code: 'run_in_use', doing: 'The run is being written' };
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;
const holder = (pid: number, host = hostname(), bornAt = '1') =>
  JSON.stringify({ pid, host, bornAt, since: 'yesterday' });

async function refusal(path: string): Promise<string> {
  try {
    await takeLock(path, options);
  } catch (error) {
    assert.is((error as AutobirdError).code, 'run_in_use');
    return (error as Error).message;
  }
  throw new Error('the lock was given twice');
}

async function isGiven(path: string): Promise<void> {
  await (await takeLock(path, options)).release();
}

test('a lock is held once, by whatever path, and gone when it is released', () =>
  withTempDir(async (dir) => {
    const folder = join(dir, 'folder');
    await mkdir(folder);
    await symlink(folder, join(dir, 'other name'));
    const path = join(folder, 'a.lock');
    const lock = await takeLock(path, options);
    assert.match(await refusal(path), `The run is being written by process ${process.pid} on ${hostname()}`);
    assert.match(await refusal(relative('.', path)), `delete ${path} if that process is gone`);
    await refusal(join(dir, 'other name', 'a.lock'));
    await lock.release();
    await lock.release();
    await isGiven(path);
    assert.equal(await readdir(folder), []);
  }));

test('the lock of a dead process is taken over, also where another process has its number now', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a.lock');
    await writeFile(path, holder(deadPid()));
    await isGiven(path);
    // Process 1 lives, but was not born then; nor was this one, which has the number of the killed one in a new container.
    for (const pid of [1, process.pid]) {
      await writeFile(path, holder(pid, hostname(), 'then'));
      if (process.platform === 'linux') await isGiven(path);
    }
  }));

test('the lock of another machine counts as long as it is touched', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a.lock');
    await writeFile(path, holder(deadPid(), 'elsewhere'));
    assert.match(await refusal(path), 'on elsewhere since yesterday');
    const ago = (seconds: number) => new Date(Date.now() - 1000 * seconds);
    await utimes(path, ago(50), ago(50));
    await refusal(path);
    await utimes(path, ago(70), ago(70));
    await isGiven(path);
    assert.equal(await readdir(dir), []);
  }));

test('a held lock is touched every fifteen seconds', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a.lock');
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const lock = await takeLock(path, options);
      const text = await readFile(path, 'utf8');
      const old = new Date(0);
      await utimes(path, old, old);
      mock.timers.tick(15_000);
      await eventually(async () => (await stat(path)).mtimeMs !== 0, 'it was not touched');
      assert.ok(Date.now() - (await stat(path)).mtimeMs < 10_000);
      assert.is(await readFile(path, 'utf8'), text);
      await lock.release();
    } finally {
      mock.timers.reset();
    }
  }));

test('a lock whose text was cut short by a kill is taken over; one that another process made since is not removed', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a.lock');
    await writeFile(path, '{"pid":');
    const lock = await takeLock(path, options);
    const another = holder(deadPid(), 'elsewhere');
    await writeFile(path, another);
    await lock.release();
    assert.is(await readFile(path, 'utf8'), another);
  }));

test('of several that find a dead lock at once only one gets it', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'a.lock');
    await writeFile(path, holder(deadPid()));
    const source = join(import.meta.dirname, '../../src/lock.ts');
    const script = `import { takeLock } from ${JSON.stringify(source)};
      takeLock(${JSON.stringify(path)}, ${JSON.stringify(options)})
        .then(() => { console.log('got it'); setTimeout(() => {}, 3000); }, (e) => console.log(e.code));`;
    const outputs = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
            let text = '';
            child.stdout.on('data', (chunk) => {
              text += chunk;
            });
            child.on('close', () => resolve(text.trim()));
          }),
      ),
    );
    assert.equal(outputs.toSorted(), ['got it', 'run_in_use', 'run_in_use']);
  }));

test.run();
