import { readdir, readlink } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DisposedError } from '../../bindings/errors.ts';
import { type DriftRow, DriftRows } from '../../src/drift/DriftRows.ts';
import { detectDrift } from '../../src/drift/detectDrift.ts';
import { EmbeddingFile } from '../../src/drift/EmbeddingFile.ts';
import { randomFor } from '../../src/random.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const width = 256;

test('embeddings are read back as they were, and nothing of them stays on the disk', () =>
  withTemporaryFolder(async (dir) => {
    // The buffer holds 1024: the last ones are in it, the others in the file.
    const given = embeddings('file', 3000);
    const file = new EmbeddingFile();
    for (const embedding of given) file.push(embedding);
    assert.is(file.length, 3000);
    assert.ok(given.every((embedding, i) => (file.at(i) as Float32Array).every((value, n) => value === embedding[n])));
    assert.equal([file.at(-1), file.at(3000), file.at(Number.NaN)], [undefined, undefined, undefined]);
    assert.equal(await readdir(dir), []);
    assert.ok(process.platform !== 'linux' || (await openTemporaryFiles(dir)) === 1);
    assert.throws(
      () => file.push(new Float32Array(3)),
      /Expected an embedding of 256 numbers .* but received one of 3/,
    );
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    assert.ok(process.platform !== 'linux' || (await openTemporaryFiles(dir)) === 0);
    for (const use of [() => file.at(0), () => file.push(new Float32Array(width))]) {
      assert.throws(
        use,
        (error: Error) =>
          error instanceof DisposedError && /The side of these embeddings was disposed/.test(error.message),
      );
    }
  }));

test('few embeddings need no file', () =>
  withTemporaryFolder(async (dir) => {
    using file = new EmbeddingFile();
    for (const embedding of embeddings('few', 1024)) file.push(embedding);
    assert.is(await openTemporaryFiles(dir), 0);
  }));

test('rows with their embeddings in a file give the figures of rows that have them beside them', () =>
  withTemporaryFolder(async () => {
    const side = (name: string) => {
      const random = randomFor(2, name);
      return embeddings(name, 2500).map(
        (embedding, i): DriftRow => ({
          values: { x: random.normal() },
          embedding: i % 5 === 0 ? null : embedding,
        }),
      );
    };
    const [reference, current] = [side('reference'), side('current')];
    const options = { embeddings: { permutations: 20, maxRows: 60 } };
    using filed = rowsInFile(current);
    const expected = detectDrift(reference, current, options);
    assert.equal(expected.embeddings?.rows, { reference: 60, current: 60 });
    assert.equal(detectDrift(reference, filed, options), expected);
    const places = Uint32Array.from({ length: 200 }, (_, i) => 12 * i + 3);
    const some = Array.from(places, (place) => current[place] as DriftRow);
    assert.equal(detectDrift(reference, filed.pick(places), options), detectDrift(reference, some, options));
    assert.equal(
      [...filed.pick(places)].map(({ embedding }) => embedding),
      some.map(({ embedding }) => embedding),
    );
  }));

test.run();

function rowsInFile(rows: readonly DriftRow[]): DriftRows {
  const made = new DriftRows(new EmbeddingFile());
  for (const row of rows) made.push(row);
  return made;
}

function embeddings(name: string, count: number): Float32Array[] {
  const random = randomFor(1, name);
  return Array.from({ length: count }, () => Float32Array.from({ length: width }, () => random.next()));
}

/** Temporary files of this process go to a folder that the test looks into. */
async function withTemporaryFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const before = process.env['TMPDIR'];
  await withTempDir(async (dir) => {
    process.env['TMPDIR'] = dir;
    try {
      await body(dir);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
}

/** How many files in `dir` this process has open, those without a name among them; 0 where the system does not say. */
async function openTemporaryFiles(dir: string): Promise<number> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(dir)).length;
}
