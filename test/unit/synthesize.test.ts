import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { groupRecordings } from '../../src/data/groups.ts';
import { readTable } from '../../src/data/readTable.ts';
import { synthesize } from '../../src/data/synthesize.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

async function digest(rawDir: string, metadata: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(metadata));
  for (const { file = '' } of (await readTable(metadata)).rows) hash.update(await readFile(join(rawDir, file)));
  return hash.digest('hex');
}

test('equal options give equal bytes, another seed gives other sounds', () =>
  withTempDir(async (dir) => {
    const small = { recordingsPerSpecies: 2 };
    const first = await synthesize(join(dir, 'a'), small);
    const second = await synthesize(join(dir, 'b'), small);
    const other = await synthesize(join(dir, 'c'), { ...small, seed: 5 });
    assert.is(first.recordings, 20);
    const expected = await digest(first.rawDir, first.metadata);
    assert.is(await digest(second.rawDir, second.metadata), expected);
    assert.is.not(await digest(other.rawDir, other.metadata), expected);
  }));

test('a whole set is left as it is, an unfinished one is made again', () =>
  withTempDir(async (dir) => {
    const small = { recordingsPerSpecies: 1 };
    const set = await synthesize(dir, small);
    assert.ok(set.made);
    assert.not.ok((await synthesize(dir, small)).made);
    const before = await digest(set.rawDir, set.metadata);

    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => done === 3 && stop.abort();
    const interrupted = join(dir, 'interrupted');
    await synthesize(interrupted, { ...small, signal: stop.signal, onProgress }).catch(() => {});
    const again = await synthesize(interrupted, small);
    assert.ok(again.made);
    assert.is(await digest(again.rawDir, again.metadata), before);

    await rm(set.rawDir, { recursive: true });
    assert.ok((await synthesize(dir, small)).made, 'its recordings had gone');
    assert.is(await digest(set.rawDir, set.metadata), before);
  }));

test('a folder that holds anything else is refused and stays as it is', () =>
  withTempDir(async (dir) => {
    await mkdir(join(dir, 'audio'));
    await writeFile(join(dir, 'audio', 'mine.wav'), 'years of work');
    await writeFile(join(dir, 'metadata.csv'), 'file,species');
    const message = String(await synthesize(dir, { recordingsPerSpecies: 1 }).catch((error: Error) => error.message));
    assert.match(message, `${dir} is not empty`);
    assert.match(message, 'name a new or empty folder');
    assert.equal((await readdir(dir)).sort(), ['audio', 'metadata.csv']);
    assert.is(await readFile(join(dir, 'audio', 'mine.wav'), 'utf8'), 'years of work');
  }));

test('another set takes the place of the old one and leaves what was put beside it', () =>
  withTempDir(async (dir) => {
    const small = { recordingsPerSpecies: 1 };
    const { rawDir, metadata } = await synthesize(dir, small);
    // As versions before it marked a set.
    await writeFile(join(dir, 'synthetic.json'), '{"version": 1, "seed": 4, "recordings_per_species": 1}');
    const old = (await readTable(metadata)).rows.map(({ file = '' }) => file);
    const mine = ['mine.wav', join(dirname(old[0] as string), 'mine.wav')];
    for (const file of mine) await writeFile(join(rawDir, file), 'years of work');
    assert.ok((await synthesize(dir, { ...small, seed: 9 })).made);
    const files = (await readdir(rawDir, { recursive: true })).filter((name) => name.endsWith('.wav'));
    const made = (await readTable(metadata)).rows.map(({ file = '' }) => file);
    assert.equal(files.sort(), [...made, ...mine].sort());
    assert.ok(!made.includes(old[0] as string));
  }));

test('no site and no session tells the species', () =>
  withTempDir(async (dir) => {
    const { metadata } = await synthesize(dir);
    const rows = (await readTable(metadata)).rows.map(({ file = '', species = '', site = '', session = '' }) => ({
      file,
      species,
      site,
      session,
    }));
    const species = new Set(rows.map((row) => row.species));
    assert.is(species.size, 10);
    assert.is(rows.length, 120);
    for (const name of species) {
      const own = rows.filter((row) => row.species === name);
      assert.is(own.length, 12);
      assert.ok(new Set(own.map((row) => row.site)).size >= 4, `${name} is heard at several sites`);
      assert.ok(new Set(own.map((row) => row.session)).size >= 10);
    }
    for (const site of new Set(rows.map((row) => row.site))) {
      assert.ok(new Set(rows.filter((row) => row.site === site).map((row) => row.species)).size >= 6);
    }
    const recordings = rows.map((row) => ({
      path: row.file,
      label: row.species,
      audioHash: row.file,
      session: row.session,
      groupKey: null,
      fold: null,
      recordedAt: null,
    }));
    assert.is(groupRecordings(recordings, 'session').length, 40);
  }));

test('options out of range are refused', async () => {
  const attempt = (options: object) => synthesize('nowhere', options).catch((error: Error) => error.message);
  assert.match(String(await attempt({ seed: -1 })), 'Expected a whole number from 0 on for seed but received -1');
  assert.match(String(await attempt({ recordingsPerSpecies: 0 })), 'for recordingsPerSpecies but received 0');
});

test.run();
