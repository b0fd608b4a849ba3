import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OverloadedError } from '../../bindings/errors.ts';
import { patiently } from '../../src/prediction/patiently.ts';

test('it asks again while there is too much to do', async () => {
  let asked = 0;
  const answer = await patiently(async () => {
    if (++asked < 4) throw new OverloadedError('busy', 0);
    return 'done';
  }, undefined);
  assert.equal([answer, asked], ['done', 4]);
});

test('other errors are not waited out', async () => {
  let asked = 0;
  const failing = async () => {
    asked++;
    throw new Error('broken');
  };
  const error = await patiently(failing, undefined).catch((reason: Error) => reason);
  assert.equal([(error as Error).message, asked], ['broken', 1]);
});

test('a signal ends the waiting with its reason', async () => {
  const stop = new AbortController();
  const waiting = patiently(async () => {
    setImmediate(() => stop.abort(new Error('stopped')));
    throw new OverloadedError('busy', 3600);
  }, stop.signal);
  const error = await waiting.catch((reason: Error) => reason);
  assert.is((error as Error).message, 'stopped');
});

test.run();
