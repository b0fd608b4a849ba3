/** Predictions and features of a model's own recordings, stored beside its weights: live recordings are compared with them. */
import { FormatError } from '../../bindings/errors.ts';
import type { NamedTensor, TensorDtype } from '../../bindings/native.ts';
import type { DriftFeatures, Label } from '../domain.ts';

/** One recording, as predicted by the model of the checkpoint. */
export interface ReferenceRow {
  /** A validation recording: the model was not trained on it, so its confidence is that of new recordings. */
  readonly heldOut: boolean;
  readonly driftFeatures: DriftFeatures;
  /** The label of the dataset; null for a class that the model did not learn. */
  readonly target: Label | null;
  /** The best label, no-event labels included. */
  readonly prediction: Label;
  /** Highest score. */
  readonly confidence: number;
  /** (D), mean over the clips. */
  readonly embedding: Float32Array;
}

export const referencePrefix = 'reference.';

const featureNames = ['melMean', 'melStd', 'energyMean', 'energyStd'] as const;

/** `reference.*`; labels are places in `labels`, -1 for none. At least one row. */
export function referenceTensors(rows: readonly ReferenceRow[], labels: readonly Label[]): NamedTensor[] {
  const count = rows.length;
  const width = rows[0]?.embedding.length ?? 0;
  const place = (label: Label | null) => (label === null ? -1 : labels.indexOf(label));
  const features = rows.flatMap(({ driftFeatures }) => featureNames.map((name) => driftFeatures[name]));
  const embeddings = new Float32Array(count * width);
  for (const [i, { embedding }] of rows.entries()) embeddings.set(embedding, i * width);
  return [
    tensor('features', 'F64', [count, featureNames.length], Float64Array.from(features)),
    tensor('embeddings', 'F32', [count, width], embeddings),
    tensor(
      'confidences',
      'F32',
      [count],
      Float32Array.from(rows, ({ confidence }) => confidence),
    ),
    tensor(
      'targets',
      'I32',
      [count],
      Int32Array.from(rows, ({ target }) => place(target)),
    ),
    tensor(
      'predictions',
      'I32',
      [count],
      Int32Array.from(rows, ({ prediction }) => place(prediction)),
    ),
    tensor(
      'held_out',
      'U8',
      [count],
      Uint8Array.from(rows, ({ heldOut }) => Number(heldOut)),
    ),
  ];
}

/**
 * The rows of `reference.*`; null where the checkpoint has none.
 *
 * @throws FormatError `misfit` for tensors that are not such rows
 */
export function referenceRows(
  tensors: readonly NamedTensor[],
  labels: readonly Label[],
  path: string,
): ReferenceRow[] | null {
  const own = tensors.filter(({ name }) => name.startsWith(referencePrefix));
  if (own.length === 0) return null;
  const count = own.find(({ name }) => name === `${referencePrefix}features`)?.shape[0] ?? 0;
  const width = own.find(({ name }) => name === `${referencePrefix}embeddings`)?.shape[1] ?? 0;
  const bytes = (name: string, dtype: TensorDtype, shape: readonly number[]) => {
    const found = own.find((one) => one.name === `${referencePrefix}${name}`);
    if (found?.dtype === dtype && found.shape.join() === shape.join()) return found.data;
    const is = found === undefined ? 'is missing' : `is ${found.dtype} [${found.shape.join(', ')}]`;
    throw new FormatError(
      'misfit',
      `${referencePrefix}${name} of ${path} ${is} where its rows need ${dtype} [${shape.join(', ')}]`,
    );
  };
  // Each tensor has a buffer of its own, aligned for its type.
  const view = <T>(type: new (buffer: ArrayBufferLike, offset: number, length: number) => T, data: Uint8Array) =>
    new type(data.buffer, data.byteOffset, data.byteLength / elementBytes(type));
  const features = view(Float64Array, bytes('features', 'F64', [count, featureNames.length]));
  const embeddings = view(Float32Array, bytes('embeddings', 'F32', [count, width]));
  const confidences = view(Float32Array, bytes('confidences', 'F32', [count]));
  const targets = view(Int32Array, bytes('targets', 'I32', [count]));
  const predictions = view(Int32Array, bytes('predictions', 'I32', [count]));
  const heldOut = bytes('held_out', 'U8', [count]);
  const known = (index: number, least: number) => index >= least && index < labels.length;
  if (
    ![...features, ...embeddings, ...confidences].every(Number.isFinite) ||
    !targets.every((index) => known(index, -1)) ||
    !predictions.every((index) => known(index, 0))
  ) {
    throw new FormatError(
      'misfit',
      `The reference rows of ${path} hold values that are no number or no label of the model`,
    );
  }
  return Array.from({ length: count }, (_, i): ReferenceRow => {
    const [melMean, melStd, energyMean, energyStd] = features.subarray(4 * i, 4 * i + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return {
      heldOut: heldOut[i] !== 0,
      driftFeatures: { melMean, melStd, energyMean, energyStd },
      target: labels[targets[i] as number] ?? null,
      prediction: labels[predictions[i] as number] as Label,
      confidence: confidences[i] as number,
      embedding: embeddings.slice(i * width, (i + 1) * width),
    };
  });
}

function elementBytes(type: unknown): number {
  return (type as { readonly BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
}

function tensor(name: string, dtype: TensorDtype, shape: readonly number[], values: ArrayBufferView): NamedTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name: `${referencePrefix}${name}`, dtype, shape, data };
}
