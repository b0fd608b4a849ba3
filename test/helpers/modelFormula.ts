/** Weights and inputs by the formula of scripts/goldens/model.py, bit for bit. */
import type { NamedTensor } from '../../bindings/index.ts';

/** (count) multiples of 2^-24 in [-0.5, 0.5) */
export function formulaValues(stream: number, count: number): Float32Array {
  const base = Math.imul(stream, 0x9e3779b1);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (i + base) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) * 2 ** -24 - 0.5;
  });
}

function weight(name: string, shape: readonly number[], stream: number): Float32Array {
  const values = formulaValues(
    stream,
    shape.reduce((a, b) => a * b, 1),
  );
  if (name.endsWith('running_var')) return values.map((v) => 1 + v * 0.5);
  if (name.endsWith('running_mean')) return values.map((v) => v * 0.25);
  if (name.includes('norm') && name.endsWith('weight')) return values.map((v) => 1 + v * 0.25);
  if (shape.length === 1) return values.map((v) => v * 0.125);
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  const scale = 2 ** (1 - Math.ceil(Math.log2(fanIn) / 2));
  return values.map((v) => v * scale);
}

/** The tensors of a network, same names and shapes, with the formula's values. */
export function formulaWeights(tensors: readonly NamedTensor[]): NamedTensor[] {
  const names = tensors.map(({ name }) => name).sort();
  return tensors.map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape,
    data: new Uint8Array(weight(name, shape, names.indexOf(name)).buffer),
  }));
}

/** Features (B, M, T) and targets (B, C) of batch `number`. */
export function formulaBatch(
  number: number,
  { rows, mels, frames, classes }: { rows: number; mels: number; frames: number; classes: number },
): { features: Float32Array; target: Float32Array } {
  const features = formulaValues(1000 + number, rows * mels * frames).map((v) => v * 4);
  const target = new Float32Array(rows * classes);
  const add = (row: number, label: number, share: number) => {
    const at = row * classes + (label % classes);
    target[at] = (target[at] ?? 0) + share;
  };
  for (let row = 0; row < rows; row++) {
    add(row, row + number, 0.75);
    add(row, 3 * row + 1, 0.25);
  }
  return { features, target };
}
