import * as assert from 'uvu/assert';

/** `assert.throws` for a promise: it rejects with an Error of that message, or one that `expected` takes. */
export async function rejects(
  promise: Promise<unknown>,
  expected: string | RegExp | ((error: Error) => boolean),
): Promise<void> {
  const error = await promise.then(
    () => assert.unreachable('Expected the promise to reject'),
    (reason: unknown) => reason,
  );
  assert.instance(error, Error);
  const { message } = error as Error;
  if (typeof expected === 'string') assert.is(message, expected);
  else if (typeof expected === 'function') assert.ok(expected(error as Error), message);
  else assert.match(message, expected);
}
