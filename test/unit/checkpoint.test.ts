import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FormatError } from '../../bindings/errors.ts';
import type { NamedTensor } from '../../bindings/native.ts';
import type { CheckpointMetadata } from '../../src/checkpoint/metadata.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import type { ReferenceRow } from '../../src/checkpoint/reference.ts';
import { type CheckpointContent, writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { writeSafetensors } from '../../src/safetensors.ts';
import { readSafetensors } from '../helpers/readSafetensors.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const metadata: CheckpointMetadata = {
  labels: ['Árbol, "quoted"', 'noise', 'wren'],
  noEventLabels: ['noise'],
  features: {
    sampleRateHz: 16000,
    nFft: 512,
    hopSamples: 256,
    nMels: 4,
    fMinHz: 20,
    fMaxHz: 8000,
    logOffset: 1e-6,
    background: 'median',
  },
  model: {
    stem: 'plain',
    stemChannels: [2, 4],
    stemDropout: 0.25,
    frequencyPooling: 'mean',
    dModel: 4,
    nHeads: 2,
    nLayers: 1,
    ffDim: 8,
    dropout: 0.1,
    pooling: 'attention',
    maxLen: 16,
  },
  clips: { lengthS: 5, hopS: 2.5, padLast: true },
  score: 'softmax',
  aggregation: 'activity',
  calibration: { temperature: 1.3 },
  config: { training: { batch_size: 16 }, scheduler: { _target_: 'autobird.CosineWarmup' } },
  progress: {
    epoch: 2,
    step: 20,
    bestMetric: 0.5,
    bestEpoch: 1,
    finished: false,
    history: [
      {
        epoch: 2,
        step: 20,
        learningRate: 1e-3,
        trainLoss: 1.5,
        trainAccuracy: 0.25,
        valLoss: null,
        valAccuracy: null,
        valBalancedAccuracy: null,
        samplesPerS: 90,
        durationS: 12,
      },
    ],
  },
  dataset: {
    id: '0123456789abcdef',
    name: 'field',
    split: 'session-val15-test15-seed4',
    counts: [{ label: 'wren', clips: 10, recordings: 3 }],
    leftOut: [{ label: 'owl', reason: 'no training recordings' }],
    licences: [{ licence: 'CC BY 4.0', recordings: 3 }],
  },
  versions: { autobird: '0.1.0', libtorch: '2.11.0', node: 'v20.19.0', createdAt: '2026-01-01T00:00:00.000Z' },
};

function floats(name: string, values: readonly number[]): NamedTensor {
  return { name, dtype: 'F32', shape: [values.length], data: new Uint8Array(Float32Array.from(values).buffer) };
}

const content: CheckpointContent = {
  tensors: [floats('model.head.weight', [1, 2, 3]), floats('optimizer.exp_avg.head.weight', [0, 0, 1])],
  statistics: { mean: Float32Array.of(-3, -4, -5, -6), std: Float32Array.of(1, 2, 3, 4) },
  metadata,
};

/** Writes a checkpoint, lets `change` damage its parts, writes those as they are, and gives the error of reading it. */
async function errorAfter(
  change: (file: { tensors: NamedTensor[]; header: Record<string, string> }) => void,
  rehash = false,
  written = content,
): Promise<FormatError> {
  return withTempDir(async (dir) => {
    const path = join(dir, 'damaged.safetensors');
    await writeCheckpoint(path, written);
    const { tensors, metadata: header } = await readSafetensors(path);
    const file = { tensors: [...tensors], header: { ...header } };
    change(file);
    if (rehash) {
      const { payloadSha256, payloadOrder } = await import('../../src/safetensors.ts');
      file.header = { ...file.header, payload_sha256: payloadSha256(payloadOrder(file.tensors)) };
    }
    await writeSafetensors(path, file.tensors, file.header);
    return rejection(path);
  });
}

async function rejection(path: string): Promise<FormatError> {
  try {
    await readCheckpoint(path);
  } catch (error) {
    assert.instance(error, FormatError);
    assert.match((error as Error).message, path);
    return error as FormatError;
  }
  throw new Error('the checkpoint was read');
}

test('what was written is read again, statistics apart from the other tensors', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'last.safetensors');
    await writeCheckpoint(path, content);
    const checkpoint = await readCheckpoint(path);
    assert.equal(checkpoint.metadata, metadata);
    assert.equal(checkpoint.statistics, content.statistics);
    assert.equal(
      checkpoint.tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      content.tensors,
    );
    assert.match(checkpoint.modelVersion, /^[0-9a-f]{12}$/);
  }));

const reference: ReferenceRow[] = [
  {
    heldOut: false,
    driftFeatures: { melMean: -5.1, melStd: 2, energyMean: -1 / 3, energyStd: 0.5 },
    target: 'wren',
    prediction: 'noise',
    confidence: 0.75,
    embedding: Float32Array.of(1, -2),
  },
  {
    heldOut: true,
    driftFeatures: { melMean: -6, melStd: 1, energyMean: 0, energyStd: 0 },
    target: null,
    prediction: 'wren',
    confidence: 0.5,
    embedding: Float32Array.of(0, 3),
  },
];

test('reference rows are read as they were written, and change neither the model nor its version', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'best.safetensors');
    await writeCheckpoint(path, content);
    const without = await readCheckpoint(path);
    assert.is(without.reference, null);
    await writeCheckpoint(path, { ...content, reference });
    const checkpoint = await readCheckpoint(path);
    assert.equal(checkpoint.reference, reference);
    assert.equal(checkpoint.tensors, without.tensors);
    assert.is(checkpoint.modelVersion, without.modelVersion);
  }));

test('reference rows that are none are refused', async () => {
  const changed = (name: string, change: (tensor: NamedTensor) => NamedTensor) =>
    errorAfter(
      (file) => {
        file.tensors = file.tensors.map((tensor) => (tensor.name === `reference.${name}` ? change(tensor) : tensor));
      },
      true,
      { ...content, reference },
    );
  const label = await changed('predictions', (tensor) => ({
    ...tensor,
    data: new Uint8Array(Int32Array.of(0, 3).buffer),
  }));
  assert.match(label.message, /The reference rows of .* no label of the model/);
  const none = await changed('features', (tensor) => ({
    ...tensor,
    data: new Uint8Array(new Float64Array(8).fill(Number.NaN).buffer),
  }));
  assert.is(none.code, 'misfit');
  const short = await changed('targets', (tensor) => ({ ...tensor, shape: [1], data: tensor.data.slice(0, 4) }));
  assert.match(short.message, /reference\.targets of .* is I32 \[1\] where its rows need I32 \[2\]/);
});

test('the model version is that of what predicts: not of the optimizer, the date or the place', () =>
  withTempDir(async (dir) => {
    const versionOf = async (change: Partial<CheckpointContent>) => {
      const path = join(dir, 'version.safetensors');
      await writeCheckpoint(path, { ...content, ...change });
      return (await readCheckpoint(path)).modelVersion;
    };
    const version = await versionOf({});
    const later = { ...metadata, versions: { ...metadata.versions, createdAt: '2027-01-01T00:00:00.000Z' } };
    const model = content.tensors.slice(0, 1);
    assert.is(await versionOf({ metadata: later, tensors: model }), version);
    assert.is.not(await versionOf({ metadata: { ...metadata, calibration: { temperature: 1.4 } } }), version);
    assert.is.not(await versionOf({ metadata: { ...metadata, aggregation: 'mean' } }), version);
    assert.is.not(await versionOf({ tensors: [floats('model.head.weight', [1, 2, 4])] }), version);
  }));

test('the metadata in the file is in snake_case and its labels are as they are', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'best.safetensors');
    await writeCheckpoint(path, content);
    const { autobird, format, format_version: version } = (await readSafetensors(path)).metadata;
    assert.equal([format, version], ['autobird', '1']);
    const json = JSON.parse(autobird as string);
    assert.equal(json.labels, metadata.labels);
    assert.is(json.features.sample_rate_hz, 16000);
    assert.is(json.progress.history[0].val_balanced_accuracy, null);
    assert.equal(json.config, metadata.config);
  }));

test('a changed byte of a tensor is found by the hash', async () => {
  const error = await errorAfter(({ tensors }) => {
    const weight = tensors.find(({ name }) => name === 'model.head.weight') as NamedTensor;
    weight.data[0] = (weight.data[0] as number) ^ 1;
  });
  assert.is(error.code, 'wrong_hash');
  assert.match(error.message, /is damaged/);
});

test('a newer format is refused by its number', async () => {
  const error = await errorAfter(({ header }) => {
    header['format_version'] = '7';
  });
  assert.is(error.code, 'newer_version');
  assert.match(error.message, 'has checkpoint format 7, this autobird reads up to 1: update autobird');
});

test('another safetensors file is not taken for a checkpoint', async () => {
  const foreign = await errorAfter((file) => {
    file.header = { format: 'pt' };
  });
  assert.is(foreign.code, 'not_a_checkpoint');
  assert.match(foreign.message, 'its format is "pt"');
  const unversioned = await errorAfter(({ header }) => {
    header['format_version'] = 'one';
  });
  assert.is(unversioned.code, 'not_a_checkpoint');
});

test('tensors that do not fit the options are refused', async () => {
  const without = (name: string) => (file: { tensors: NamedTensor[] }) => {
    file.tensors = file.tensors.filter((tensor) => tensor.name !== name);
  };
  const replaced = (tensor: NamedTensor) => (file: { tensors: NamedTensor[] }) => {
    without(tensor.name)(file);
    file.tensors.push(tensor);
  };
  for (const [change, message] of [
    [without('statistics.mean'), 'statistics.mean of .* is missing where its features need F32 \\[4\\]'],
    [replaced(floats('statistics.std', [1, 1])), 'statistics.std of .* is F32 \\[2\\] where'],
    [replaced(floats('statistics.std', [1, 1, 0, 1])), 'cannot normalise'],
    [replaced(floats('statistics.mean', [1, 1, Number.NaN, 1])), 'cannot normalise'],
    [without('model.head.weight'), 'holds no model'],
    [replaced(floats('surprise', [1])), 'holds a tensor surprise that no checkpoint has'],
  ] as const) {
    const error = await errorAfter(change, true);
    assert.is(error.code, 'misfit');
    assert.match(error.message, new RegExp(message));
  }
});

test('every mistake in the metadata is named', async () => {
  const error = await errorAfter(({ header }) => {
    const json = JSON.parse(header['autobird'] as string);
    json.score = 'sigmoid';
    json.calibration.temperature = 0;
    json.clips.length = 5;
    header['autobird'] = JSON.stringify(json);
  });
  assert.is(error.code, 'invalid_content');
  for (const part of ['score', 'calibration.temperature', 'clips.length']) assert.match(error.message, part);
  const twice = await errorAfter(({ header }) => {
    header['autobird'] = (header['autobird'] as string).replace('"wren"', '"noise"');
  });
  assert.match(twice.message, 'not distinct');
});

test('a checkpoint that is cut anywhere, or changed anywhere, does not load', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'whole.safetensors');
    await writeCheckpoint(path, content);
    const bytes = await readFile(path);
    const damaged = join(dir, 'damaged.safetensors');
    for (let length = 0; length < bytes.length; length += 61) {
      await writeFile(damaged, bytes.subarray(0, length));
      await rejection(damaged);
    }
    // The header may change without harm where it only holds text, but never silently in the payload.
    for (let at = bytes.length - 56; at < bytes.length; at += 3) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x40;
      await writeFile(damaged, changed);
      assert.is((await rejection(damaged)).code, 'wrong_hash');
    }
  }));

test('a failed write leaves the old checkpoint as it was', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'last.safetensors');
    await writeCheckpoint(path, content);
    const before = await readFile(path);
    const misshapen = { ...floats('model.head.weight', [1, 2]), shape: [3] };
    try {
      await writeCheckpoint(path, { ...content, tensors: [misshapen] });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'model.head.weight');
    }
    assert.equal(await readFile(path), before);
  }));

test.run();
