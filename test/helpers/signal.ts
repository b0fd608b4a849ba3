import { readFileSync } from 'node:fs';
import type { FeatureOptions } from '../../bindings/native.ts';

/** The signal of scripts/goldens/signals.py: a rising chirp over seeded noise. */
export function chirpInNoise(rateHz: number, count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const t = i / rateHz;
    const chirp =
      Math.sin(2 * Math.PI * (200 * t + 0.2 * rateHz * t * t)) * (0.6 + 0.4 * Math.sin(2 * Math.PI * 3 * t));
    return 0.1 * (state / 2 ** 31 - 1) + 0.4 * chirp;
  });
}

export interface Golden {
  readonly kind: 'log-mel' | 'resample' | 'resample-exact';
  readonly samples: number;
  readonly seed: number;
  readonly features: FeatureOptions;
  readonly sourceHz: number;
  readonly targetHz: number;
  readonly values: Float32Array;
}

/** What torchaudio answered (scripts/goldens/signals.py). */
export function goldens(kind: Golden['kind']): Golden[] {
  const folder = new URL('../fixtures/signal/', import.meta.url);
  const index = JSON.parse(readFileSync(new URL('goldens.json', folder), 'utf8'));
  const all = new Float32Array(new Uint8Array(readFileSync(new URL('goldens.bin', folder))).buffer);
  const entries = index.entries as (Golden & { readonly offset: number; readonly length: number })[];
  return entries
    .filter((entry) => entry.kind === kind)
    .map((entry) => ({ ...entry, values: all.subarray(entry.offset, entry.offset + entry.length) }));
}

/** Largest absolute difference; throws where lengths differ. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** All blocks as one signal. */
export async function gathered(blocks: AsyncIterable<Float32Array> | Iterable<Float32Array>): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const block of blocks) parts.push(block);
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
