import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FormatError, InvalidArgumentError } from '../../bindings/errors.ts';
import type { NamedTensor } from '../../bindings/native.ts';
import { parseHeader, parseHeaderLength } from '../../src/safetensors/header.ts';
import {
  payloadOrder,
  payloadSha256,
  readSafetensorsHeader,
  readTensors,
  SafetensorsWriter,
  writeSafetensors,
} from '../../src/safetensors.ts';
import { readSafetensors } from '../helpers/readSafetensors.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

function tensor(name: string, dtype: NamedTensor['dtype'], shape: number[], values: ArrayBufferView): NamedTensor {
  return { name, dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

const samples: NamedTensor[] = [
  tensor('flags', 'BOOL', [3], Uint8Array.of(1, 0, 1)),
  tensor('pcm', 'I16', [5], Int16Array.of(1, -2, 3, -4, 5)),
  tensor('weight', 'F32', [2, 2], Float32Array.of(1, -1, 0.5, 1e-8)),
  tensor('step', 'I64', [], BigInt64Array.of(7n)),
  tensor('empty', 'F32', [0, 4], new Float32Array(0)),
];

function says(message: string): (error: Error) => boolean {
  return (error) => error instanceof InvalidArgumentError && error.message === message;
}

/** A file from a header written by hand. */
function file(header: unknown, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json, payload]);
}

function refusal(bytes: Uint8Array): string {
  try {
    const length = parseHeaderLength(bytes.subarray(0, 8), bytes.byteLength, 'x.safetensors');
    parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength, 'x.safetensors');
  } catch (error) {
    assert.instance(error, FormatError);
    assert.is((error as FormatError).code, 'safetensors');
    return (error as Error).message.replace('x.safetensors is not a valid safetensors file: ', '');
  }
  return 'accepted';
}

test('tensors and metadata come back as they were written, in the official order', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'a.safetensors');
    await writeSafetensors(path, samples, { format: 'test', note: 'ü "quoted"' });
    const { metadata, tensors } = await readSafetensors(path);
    assert.equal(metadata, { format: 'test', note: 'ü "quoted"' });
    assert.equal(
      tensors.map(({ name }) => name),
      ['step', 'empty', 'weight', 'pcm', 'flags'],
    );
    assert.equal(tensors, payloadOrder(samples));
    assert.is(payloadSha256(tensors), payloadSha256(payloadOrder(samples)));
  });
});

test('a header says where each tensor lies in the file, aligned to its elements', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'a.safetensors');
    await writeSafetensors(path, samples, {});
    const header = await readSafetensorsHeader(path);
    const bytes = await readFile(path);
    assert.is(header.fileBytes, bytes.byteLength);
    assert.is(header.payloadOffset % 8, 0);
    assert.is(header.tensors.length, samples.length);
    for (const info of header.tensors) {
      const original = samples.find(({ name }) => name === info.name) as NamedTensor;
      assert.equal(Uint8Array.from(bytes.subarray(info.offset, info.offset + info.byteLength)), original.data);
    }
    const pcm = header.tensors.filter(({ name }) => name === 'pcm');
    assert.equal(
      (await readTensors(path, pcm)).map(({ data }) => data),
      [samples[1]?.data],
    );
  });
});

test('bytes that do not fit their shape and equal names are refused before anything is written', async () => {
  const short = { name: 'w', dtype: 'F32', shape: [3], data: new Uint8Array(8) } as const;
  const twice = [samples[0] as NamedTensor, samples[0] as NamedTensor];
  await withTempDir(async (dir) => {
    for (const [tensors, message] of [
      [[short], 'Expected bytes for F32 [3] in w but received 8'],
      [twice, 'Expected different tensor names but received "flags" twice'],
    ] as const) {
      const error = await writeSafetensors(join(dir, 'a.safetensors'), tensors, {}).catch((reason: Error) => reason);
      assert.ok(error instanceof InvalidArgumentError);
      assert.is(error.message, message);
    }
    assert.equal(await readdir(dir), []);
  });
});

test('every kind of damage is refused with its reason', () => {
  const eight = { dtype: 'U8', shape: [8], data_offsets: [0, 8] };
  const payload = new Uint8Array(8);
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(3), 'it has 3 bytes, a header needs at least 8'],
    [
      Buffer.from('ffffffffffffffff', 'hex'),
      'its header claims 18446744073709551615 bytes, at most 100000000 are allowed',
    ],
    [file('{}').subarray(0, 9), 'its header claims 2 bytes but only 1 follow'],
    [file(''), 'its header does not start with "{"'],
    [file(' {}'), 'its header does not start with "{"'],
    [file('[]'), 'its header does not start with "{"'],
    [file({ a: eight, b: eight }, payload), 'tensor b overlaps another'],
    [file({ a: { ...eight, data_offsets: [1, 9] } }, new Uint8Array(9)), 'tensor a leaves a hole before it'],
    [file({ a: eight }, new Uint8Array(7)), 'it is truncated: 68 bytes where its tensors need 69'],
    [file({ a: eight }, new Uint8Array(9)), '1 bytes follow its last tensor'],
    [file({ a: { ...eight, shape: [7] } }, payload), 'tensor a of U8 [7] needs 7 bytes but has 8'],
    [
      file({ a: { ...eight, shape: [2 ** 40, 2 ** 40] } }, payload),
      'tensor a of U8 [1099511627776,1099511627776] needs more bytes than a file can have but has 8',
    ],
    [file({ a: { ...eight, shape: [-8] } }, payload), 'tensor a has shape [-8]'],
    [file({ a: { ...eight, shape: 8 } }, payload), 'tensor a has shape 8'],
    [file({ a: { ...eight, shape: [[8]] } }, payload), 'tensor a has shape of objects'],
    [file({ a: { ...eight, data_offsets: [8, 0] } }, payload), 'tensor a has data_offsets [8,0]'],
    [file({ a: { ...eight, data_offsets: [0, 8, 8] } }, payload), 'tensor a has data_offsets [0,8,8]'],
    [file({ a: { dtype: 'U8', shape: [8] } }, payload), 'tensor a has data_offsets missing'],
    [
      file({ a: { ...eight, dtype: 'F8_E4M3' } }, payload),
      'tensor a has dtype "F8_E4M3", known are I64, F64, F32, I32, BF16, F16, I16, I8, U8, BOOL',
    ],
    [file({ a: null }), 'tensor a has dtype missing, known are I64, F64, F32, I32, BF16, F16, I16, I8, U8, BOOL'],
    [file({ __metadata__: { a: 1 } }), 'its __metadata__ is not a mapping of text to text'],
    [file({ __metadata__: ['a'] }), 'its __metadata__ is not a mapping of text to text'],
    [file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'), 'its header has "a" twice'],
    [file('{"__metadata__":{"x\\"":"1","x\\"":"2"}}'), 'its header has "x\\"" twice'],
  ];
  for (const [bytes, reason] of cases) {
    assert.is(refusal(bytes), reason);
  }
  assert.match(refusal(file('{"a":')), /^its header is not JSON/);
  assert.match(refusal(file(Buffer.from([0x7b, 0xff]).toString('latin1'))), /^its header is not JSON/);
});

test('a header nested very deeply or with a very long text is an answer, not a crash', () => {
  const deep = `{"a":{"dtype":"U8","shape":${'['.repeat(100_000)}${']'.repeat(100_000)},"data_offsets":[0,0]}}`;
  assert.is(refusal(file(deep)), 'tensor a has shape of objects');
  assert.is(refusal(file({ __metadata__: { long: '\\"'.repeat(2_000_000) } })), 'accepted');
});

test('mutated files are read or refused, never anything else', async () => {
  const valid = await withTempDir(async (dir) => {
    const path = join(dir, 'a.safetensors');
    await writeSafetensors(path, samples, { format: 'test' });
    return readFile(path);
  });
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(valid.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(valid.byteLength), { nil: undefined }),
      (changes, cut) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        if (refusal(bytes.subarray(0, cut)) !== 'accepted') refused += 1;
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(refused > 1000, `${refused} refused`);
});

test('random headers are read or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 32 }), (json, payload) => {
      refusal(file(json, payload));
    }),
    { numRuns: 500 },
  );
});

test('a writer streams a tensor of unknown length and aligns what follows', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'shard.safetensors');
    const writer = await SafetensorsWriter.create(path);
    await writer.begin('pcm', 'I16');
    await writer.append(new Uint8Array(Int16Array.of(1, 2, 3).buffer));
    await writer.append(new Uint8Array(Int16Array.of(4, 5).buffer));
    writer.end();
    await writer.add(tensor('scale', 'F32', [2], Float32Array.of(0.5, 0.25)));
    assert.equal((await readdir(dir)).length, 1, 'only the temporary file');
    await writer.finish({ format: 'autobird-shard' });
    await writer.discard();
    assert.equal(await readdir(dir), ['shard.safetensors']);

    const header = await readSafetensorsHeader(path);
    assert.equal(
      header.tensors.map(({ name, shape }) => [name, ...shape]),
      [
        ['pcm', 5],
        ['padding.1', 2],
        ['scale', 2],
      ],
    );
    assert.is((header.tensors[2]?.offset ?? 1) % 4, 0);
    const { tensors, metadata } = await readSafetensors(path);
    assert.equal(metadata, { format: 'autobird-shard' });
    assert.equal([...new Int16Array((tensors[0] as NamedTensor).data.buffer as ArrayBuffer)], [1, 2, 3, 4, 5]);
    assert.equal([...new Float32Array((tensors[2] as NamedTensor).data.buffer as ArrayBuffer)], [0.5, 0.25]);
  });
});

test('a writer grows its header when the reserved space does not suffice', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'shard.safetensors');
    const writer = await SafetensorsWriter.create(path, { reservedBytes: 64 });
    const data = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251);
    await writer.add({ name: 'data', dtype: 'U8', shape: [1000, 3000], data });
    await writer.finish({ recording: 'x'.repeat(10_000) });
    const { tensors } = await readSafetensors(path);
    assert.equal(tensors[0]?.data, data);
    assert.equal(await readdir(dir), ['shard.safetensors']);
  });
});

test('a discarded writer leaves nothing, and the file that was there stays', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'shard.safetensors');
    await writeFile(path, 'before');
    const writer = await SafetensorsWriter.create(path);
    await writer.add(tensor('scale', 'F32', [2], Float32Array.of(0.5, 0.25)));
    await writer.discard();
    assert.equal(await readdir(dir), ['shard.safetensors']);
    assert.is(await readFile(path, 'utf8'), 'before');
  });
});

test('a writer refuses what would not be a valid file', async () => {
  await withTempDir(async (dir) => {
    const writer = await SafetensorsWriter.create(join(dir, 'a.safetensors'));
    await writer.begin('a', 'F32');
    await writer.append(new Uint8Array(6));
    assert.throws(() => writer.end(), says('Expected bytes for F32 [1.5] in a but received 6'));
    await writer.append(new Uint8Array(2));
    writer.end();
    await writer.begin('b', 'F32').then(() => writer.end([0]));
    const error = await writer.begin('a', 'F32').catch((reason: Error) => reason);
    assert.ok(error instanceof InvalidArgumentError);
    assert.is(error.message, 'Expected a new tensor name but received "a"');
    await writer.discard();
  });
});

test('a missing file and a folder are errors of the file system', async () => {
  await withTempDir(async (dir) => {
    await mkdir(join(dir, 'folder'));
    for (const [name, code] of [
      ['nothing', 'ENOENT'],
      ['folder', 'EISDIR'],
    ] as const) {
      const error = await readSafetensors(join(dir, name)).then(
        () => undefined,
        (reason: NodeJS.ErrnoException) => reason,
      );
      assert.is(error?.code, code);
    }
  });
});

test.run();
