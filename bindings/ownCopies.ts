import { setImmediate } from 'node:timers/promises';
import { expected } from './errors.ts';
import type { NamedTensor } from './native.ts';

/** Copied in a turn of the event loop: a few milliseconds. */
const bytesATurn = 1 << 23;

/**
 * Copies for a worker to read: a caller that changes or transfers its arrays meanwhile changes nothing in them. The event
 * loop turns while they are made.
 *
 * @throws InvalidArgumentError where they are no list of tensors
 */
export async function ownCopies(tensors: readonly NamedTensor[]): Promise<NamedTensor[]> {
  if (!Array.isArray(tensors)) throw expected('an array', 'tensors', tensors);
  const copies: NamedTensor[] = [];
  let left = bytesATurn;
  for (const { name, dtype, shape, data } of tensors as readonly NamedTensor[]) {
    if (!(data instanceof Uint8Array)) throw expected('a Uint8Array', `data of ${name}`, data);
    const copy = new Uint8Array(data.byteLength);
    for (let at = 0; at < copy.length; ) {
      if (left === 0) {
        await setImmediate();
        left = bytesATurn;
      }
      const bytes = Math.min(left, copy.length - at);
      copy.set(data.subarray(at, at + bytes), at);
      at += bytes;
      left -= bytes;
    }
    copies.push({ name, dtype, shape, data: copy });
  }
  return copies;
}
