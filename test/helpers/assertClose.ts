import * as assert from 'uvu/assert';

/** Equal, but for numbers that may differ by `tolerance`: scores depend in their last bits on what was computed beside them. */
export function assertClose(actual: unknown, expected: unknown, tolerance = 1e-5, path = 'value'): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    assert.ok(Math.abs(actual - expected) <= tolerance, `${path}: ${actual} instead of ${expected}`);
  } else if (typeof expected === 'object' && expected !== null && typeof actual === 'object' && actual !== null) {
    assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort(), path);
    for (const [key, value] of Object.entries(expected)) {
      assertClose((actual as Record<string, unknown>)[key], value, tolerance, `${path}.${key}`);
    }
  } else {
    assert.equal(actual, expected, path);
  }
}
