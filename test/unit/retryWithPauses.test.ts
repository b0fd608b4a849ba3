import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OverloadedError } from '../../bindings/errors.ts';
import { retryWithPauses } from '../../src/prediction/retryWithPauses.ts';

test('it calls again while there is too much to do', async () => {
  let calls = 0;
  const result = await retryWithPauses(async () => {
    if (++calls < 4) throw new OverloadedError('busy', 0);
    return 'done';
  }, undefined);
  assert.equal([result, calls], ['done', 4]);
});

test('other errors are not waited out', async () => {
  let calls = 0;
  const failing = async () => {
    calls++;
    throw new Error('broken');
  };
  const error = await retryWithPauses(failing, undefined).catch((reason: Error) => reason);
  assert.equal([(error as Error).message, calls], ['broken', 1]);
});

test('a signal ends the waiting with its reason', async () => {
  const stop = new AbortController();
  const waiting = retryWithPauses(async () => {
    setImmediate(() => stop.abort(new Error('stopped')));
    throw new OverloadedError('busy', 3600);
  }, stop.signal);
  const error = await waiting.catch((reason: Error) => reason);
  assert.is((error as Error).message, 'stopped');
});

test.run();
