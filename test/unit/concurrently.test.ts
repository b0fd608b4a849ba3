import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { concurrently } from '../../src/concurrently.ts';
import { hashFile } from '../../src/data/hashFile.ts';
import { warningsOf } from '../helpers/warningsOf.ts';

test('results are in the order of the items, and no more than so many are under way', async () => {
  let running = 0;
  let most = 0;
  const results = await concurrently([30, 1, 20, 2], 2, undefined, async (ms) => {
    most = Math.max(most, ++running);
    await setTimeout(ms);
    running--;
    return ms * 2;
  });
  assert.equal(results, [60, 2, 40, 4]);
  assert.is(most, 2);
});

test('a failure tells what runs, begins nothing new and is what is thrown', async () => {
  const begun: number[] = [];
  let told: unknown = null;
  try {
    await concurrently([0, 1, 2, 3], 2, undefined, async (item, signal) => {
      begun.push(item);
      if (item === 1) throw new Error('broken');
      await setTimeout(10_000, undefined, { signal }).catch(() => {});
      told = signal.reason;
    });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'broken');
    assert.is(told, error);
  }
  assert.equal(begun, [0, 1]);
});

test('an abort ends it with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  try {
    await concurrently([0, 1], 1, controller.signal, async () => controller.abort(reason));
    assert.unreachable();
  } catch (error) {
    assert.is(error, reason);
  }
});

test('a core for each of many files is no leak of listeners', async () => {
  const files = new Array<string>(12).fill(fileURLToPath(import.meta.url));
  const warnings = await warningsOf(() => concurrently(files, 12, undefined, (path, signal) => hashFile(path, signal)));
  assert.equal(warnings, []);
});

test.run();
