/** Tensors of a response: which are wanted, and how they are written. */
import { indexOfLargest, rankLabels } from '../../../../src/service.ts';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import type { Predicted } from '../../predictAndLog.ts';
import type { InferRequest, RequestedOutput } from './schemas.ts';

export interface WantedOutput {
  readonly name: 'scores' | 'label' | 'embedding';
  /** As bytes behind the JSON. */
  readonly binary: boolean;
  /** So many best classes as `score:index:label` instead of all scores; null for all scores. */
  readonly classes: number | null;
}

export interface InferResponse {
  readonly json: string;
  /** Null where every tensor is in the JSON. */
  readonly binary: Buffer | null;
}

const byDefault: readonly RequestedOutput[] = [{ name: 'scores' }, { name: 'label' }];

/** @throws HttpProblem 400 for an output that there is not */
export function wantedOutputs({ parameters, outputs }: InferRequest): WantedOutput[] {
  const binaryByDefault = parameters?.['binary_data_output'] === true;
  const requested = outputs === undefined || outputs.length === 0 ? byDefault : outputs;
  return requested.map(({ name, parameters: own }) => {
    if (name !== 'scores' && name !== 'label' && name !== 'embedding') {
      throw new HttpProblem(400, 'bad_output', `There is no output ${name}: expected scores, label or embedding`);
    }
    const classes = own?.['classification'] ?? null;
    const counted = typeof classes === 'number' && Number.isInteger(classes) && classes > 0;
    if (classes !== null && (!counted || name !== 'scores')) {
      throw new HttpProblem(400, 'bad_output', 'Expected a positive integer for classification, of scores only');
    }
    const binary = own?.['binary_data'];
    return {
      name,
      binary: binary === undefined ? binaryByDefault : binary === true,
      classes: counted ? classes : null,
    };
  });
}

/** The response as the protocol writes it: JSON, with binary tensors behind it in the order of the outputs. */
export function responseOf(
  rows: readonly Predicted[],
  wanted: readonly WantedOutput[],
  id: string | undefined,
): InferResponse {
  const { model } = rows[0] as Predicted;
  const tail: Buffer[] = [];
  const outputs = wanted.map((output) => {
    const tensor = tensorOf(rows, output);
    if (!output.binary) return { ...tensor.about, data: Array.from<number | string>(tensor.values) };
    const bytes = bytesOf(tensor.values);
    tail.push(bytes);
    return { ...tensor.about, parameters: { binary_data_size: bytes.byteLength } };
  });
  const json = JSON.stringify({
    model_name: model.name,
    model_version: model.version,
    id,
    outputs,
  });
  return { json, binary: tail.length === 0 ? null : Buffer.concat(tail) };
}

interface OutputTensor {
  readonly about: { readonly name: string; readonly datatype: 'FP32' | 'BYTES'; readonly shape: readonly number[] };
  /** Row by row. */
  readonly values: Float32Array | readonly string[];
}

function tensorOf(rows: readonly Predicted[], { name, classes }: WantedOutput): OutputTensor {
  if (name === 'label') {
    const labels = rows.map(({ prediction }) => prediction.labels[indexOfLargest(prediction.scores)] as string);
    return { about: { name, datatype: 'BYTES', shape: [rows.length] }, values: labels };
  }
  if (name === 'scores' && classes !== null) {
    const best = rows.flatMap(({ prediction: { labels, scores } }) =>
      rankLabels(labels, scores)
        .slice(0, classes)
        .map(({ label, score }) => `${score.toFixed(6)}:${labels.indexOf(label)}:${label}`),
    );
    return { about: { name, datatype: 'BYTES', shape: [rows.length, best.length / rows.length] }, values: best };
  }
  const vectors = rows.map(({ prediction: { scores, embedding } }) => (name === 'scores' ? scores : embedding));
  const width = vectors[0]?.length ?? 0;
  const values = new Float32Array(rows.length * width);
  for (const [row, vector] of vectors.entries()) if (vector !== null) values.set(vector, row * width);
  return { about: { name, datatype: 'FP32', shape: [rows.length, width] }, values };
}

function bytesOf(values: Float32Array | readonly string[]): Buffer {
  if (values instanceof Float32Array) return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat(
    values.flatMap((text) => {
      const bytes = Buffer.from(text, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.byteLength);
      return [length, bytes];
    }),
  );
}
