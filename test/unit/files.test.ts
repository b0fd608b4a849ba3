import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AutobirdError, FormatError } from '../../bindings/errors.ts';
import {
  appendLine,
  explained,
  makeFolder,
  openPending,
  readJson,
  readJsonLines,
  removeLeftovers,
  writeAll,
  writeFileAtomic,
  writeJson,
  writeJsonLines,
} from '../../src/files.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('it should have failed'),
    (error: Error) => error,
  ) as Promise<Error>;
}

test('a file is written whole, in a folder that is made for it, and nothing else is left', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'a', 'b', 'x.txt');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, (handle) => writeAll(handle, Buffer.from('two')));
    assert.is(await readFile(path, 'utf8'), 'two');
    assert.equal(await readdir(join(dir, 'a', 'b')), ['x.txt']);
  });
});

test('a write that fails leaves the old file and no temporary one', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.txt');
    await writeFileAtomic(path, 'old');
    const error = await errorOf(
      writeFileAtomic(path, async (handle) => {
        await writeAll(handle, Buffer.from('half'));
        throw new Error('stopped');
      }),
    );
    assert.is(error.message, 'stopped');
    assert.is(await readFile(path, 'utf8'), 'old');
    assert.equal(await readdir(dir), ['x.txt']);
  });
});

test('a full disk is an error that names the folder and what to do', async () => {
  if (!existsSync('/dev/full')) return;
  const handle = await open('/dev/full', 'w');
  try {
    const error = await errorOf(explained('/data/birds/x.bin', () => writeAll(handle, Buffer.from('x'))));
    assert.ok(error instanceof AutobirdError);
    assert.is(error.code, 'disk_full');
    assert.is(
      error.message,
      'No space left in /data/birds while writing x.bin: free some space there or choose another folder, then run the same command again. What was there before is unchanged.',
    );
  } finally {
    await handle.close();
  }
});

test('folders are made with those above them, at once and again', () =>
  withTempDir(async (dir) => {
    const folder = join(dir, 'a', 'b', 'c');
    await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(join(dir, 'a', 'b', 'd'))]);
    await makeFolder(folder);
    assert.equal(await readdir(join(dir, 'a', 'b')), ['c', 'd']);
    await makeFolder('/');
    await writeFile(join(dir, 'file'), '');
    assert.is(((await errorOf(makeFolder(join(dir, 'file', 'x')))) as NodeJS.ErrnoException).code, 'ENOTDIR');
  }));

test('folders that several make at one moment, with those above them, are all made', () =>
  withTempDir(async (dir) => {
    for (let round = 0; round < 300; round++) {
      const folders = ['a', 'b', 'c', 'd'].map((name) => join(dir, `${round}`, 'deeper', 'still', name));
      await Promise.all(folders.map(makeFolder));
    }
  }));

if (existsSync('/proc/self')) {
  test('a file system that takes no folders is an error that says so, not an endless search', async () => {
    for (const path of ['/proc/no-such-folder', '/proc/no-such-folder/deeper/still']) {
      const error = await errorOf(writeFileAtomic(join(path, 'x.csv'), ''));
      assert.is((error as AutobirdError).code, 'not_writable');
      assert.match(error.message, 'No folder can be made in /proc: choose another place than /proc/no-such-folder');
    }
  });
}

test('a folder that cannot be written to is an error that says so', async () => {
  const denied = Object.assign(new Error('EROFS'), { code: 'EROFS' });
  const error = await errorOf(explained('/data/x.bin', () => Promise.reject(denied)));
  assert.is((error as AutobirdError).code, 'not_writable');
  assert.match(error.message, /^No permission to write x\.bin in \/data: /);
});

test('what a killed process left half written is removed, what is being written is not', async () => {
  await withTempDir(async (dir) => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const host = hostname()
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 32);
    await writeFile(join(dir, `.autobird-${host}-${dead}-abcdef.tmp`), 'half');
    await writeFile(join(dir, `.autobird-elsewhere-${dead}-abcdef.tmp`), 'of another machine');
    await writeFile(join(dir, `.autobird-${host}-${process.ppid}-abcdef.tmp`), 'of a running process');
    const pending = await openPending(join(dir, 'x.txt'));
    assert.is(await removeLeftovers(dir), 1);
    await pending.commit();
    assert.equal((await readdir(dir)).length, 3);
  });
});

test('JSON is pretty, ends with a line feed and reads back', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.json');
    await writeJson(path, { a: [1], b: 'ü' });
    assert.is(await readFile(path, 'utf8'), '{\n  "a": [\n    1\n  ],\n  "b": "ü"\n}\n');
    assert.equal(await readJson(path), { a: [1], b: 'ü' });
  });
});

test('a file that is not JSON is refused by name', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.json');
    for (const content of ['{"a":', '', Buffer.from([0x22, 0xff, 0x22])]) {
      await writeFile(path, content);
      const error = await errorOf(readJson(path));
      assert.instance(error, FormatError);
      assert.ok(error.message.startsWith(`${path} is not JSON: `), error.message);
    }
    assert.is(((await errorOf(readJson(join(dir, 'none.json')))) as NodeJS.ErrnoException).code, 'ENOENT');
  });
});

test('lines are appended one by one, in a folder that is made for them', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'log', 'x.jsonl');
    for (const value of [{ a: 1 }, { a: 'ü\n' }]) await appendLine(path, value);
    assert.is(await readFile(path, 'utf8'), '{"a":1}\n{"a":"ü\\n"}\n');
    assert.equal(await readJsonLines(path), [{ a: 1 }, { a: 'ü\n' }]);
  });
});

test('a last line that a crash cut short is not there, and the next one does not run into it', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.jsonl');
    const whole = `${JSON.stringify({ text: 'x'.repeat(100_000) })}\n`;
    await writeFile(path, whole);
    for (const broken of ['{"a', `{"b":"${'y'.repeat(200_000)}`]) {
      await appendFile(path, broken);
      assert.equal((await readJsonLines(path)).length, 1);
    }
    await appendLine(path, { c: 1 });
    assert.is(await readFile(path, 'utf8'), `${whole}{"c":1}\n`);
  });
});

test('a last line that only lacks its line feed stays', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.jsonl');
    await writeFile(path, '{"a":1}');
    assert.equal(await readJsonLines(path), [{ a: 1 }]);
    await appendLine(path, { b: 1 });
    assert.equal(await readJsonLines(path), [{ a: 1 }, { b: 1 }]);
  });
});

test('damage before the last line is refused with the number of the line', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.jsonl');
    await writeFile(path, '{"a":1}\n{"a\n{"a":3}\n');
    const error = await errorOf(readJsonLines(path));
    assert.instance(error, FormatError);
    assert.ok(error.message.startsWith(`${path}, line 2 is not JSON: `), error.message);
  });
});

test('many lines are written at once and read back, whatever pieces they arrive in', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'x.jsonl');
    const rows = Array.from({ length: 5000 }, (_, index) => ({ index, text: 'ü'.repeat(index % 700) }));
    await mkdir(dir, { recursive: true });
    await writeJsonLines(path, rows);
    assert.equal(await readJsonLines(path), rows);
    await writeJsonLines(path, []);
    assert.equal(await readJsonLines(path), []);
  });
});

test.run();
