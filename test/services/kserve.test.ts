/** The protocol as Triton's own client speaks it: requests that it sent (scripts/goldens/kserve.py), byte for byte. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Classifier } from '../../src/index.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { type RunningService, withService } from '../helpers/withService.ts';

const fixture = JSON.parse(readFileSync(new URL('../fixtures/kserve.json', import.meta.url), 'utf8')) as {
  readonly recording: string;
  readonly requests: Readonly<Record<string, string>>;
};
const recording = Buffer.from(fixture.recording, 'base64');
const recordedVersion = /versions\/(\w{12}) /.exec(sent('metadata of a version').toString('latin1'))?.[1] ?? '';

interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly (string | number)[];
  readonly parameters?: { readonly binary_data_size: number };
}

function sent(name: string): Buffer {
  const text = fixture.requests[name];
  assert.ok(text !== undefined, `no request "${name}" was recorded`);
  return Buffer.from(text, 'base64');
}

/** Sends the bytes as they are and reads one response. */
async function exchange(url: string, bytes: Buffer): Promise<RawResponse> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  try {
    socket.write(bytes);
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) continue;
      const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
      const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ') as [string, string]));
      const length = Number(headers['content-length']);
      if (received.byteLength < end + 4 + length) continue;
      const body = received.subarray(end + 4, end + 4 + length);
      return { status: Number(first.split(' ')[1]), headers, body };
    }
    throw new Error('the connection ended before the response did');
  } finally {
    socket.destroy();
  }
}

function json<T>({ body }: Pick<RawResponse, 'body'>): T {
  return JSON.parse(body.toString('utf8')) as T;
}

/** The tensors of an response by name, binary ones decoded. */
function tensors({
  headers,
  body: sentBody,
}: RawResponse): Map<string, { shape: readonly number[]; values: unknown[] }> {
  const encoding = headers['content-encoding'];
  const body = encoding === 'gzip' ? gunzipSync(sentBody) : encoding === 'deflate' ? inflateSync(sentBody) : sentBody;
  const length = Number(headers['inference-header-content-length'] ?? body.byteLength);
  const { outputs } = json<{ outputs: Output[] }>({ body: body.subarray(0, length) });
  let at = length;
  const found = new Map<string, { shape: readonly number[]; values: unknown[] }>();
  for (const { name, datatype, shape, data, parameters } of outputs) {
    if (parameters === undefined) {
      found.set(name, { shape, values: [...(data ?? [])] });
      continue;
    }
    const bytes = body.subarray(at, at + parameters.binary_data_size);
    at += parameters.binary_data_size;
    found.set(name, { shape, values: datatype === 'FP32' ? floats(bytes) : strings(bytes) });
  }
  assert.is(at, body.byteLength, 'every byte belongs to a tensor');
  return found;
}

function floats(bytes: Buffer): number[] {
  return Array.from({ length: bytes.byteLength / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}

function strings(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    found.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return found;
}

/** With the version that the model has on this machine. */
async function replay({ url }: RunningService, name: string, version?: string): Promise<RawResponse> {
  const bytes = sent(name);
  if (version === undefined) return await exchange(url, bytes);
  return await exchange(url, Buffer.from(bytes.toString('latin1').replace(recordedVersion, version), 'latin1'));
}

test('server and models describe themselves', () =>
  withService([], async (service) => {
    for (const name of ['server live', 'server ready', 'model ready']) {
      assert.is((await replay(service, name)).status, 200, name);
    }
    assert.equal(json<{ extensions: string[] }>(await replay(service, 'server metadata')).extensions, [
      'binary_tensor_data',
      'classification',
    ]);
    const metadata = json<{ versions: [string]; outputs: Output[]; parameters: { labels: string[] } }>(
      await replay(service, 'model metadata'),
    );
    assert.equal(
      metadata.outputs.map(({ name, shape }) => [name, shape]),
      [
        ['scores', [-1, 3]],
        ['label', [-1]],
        ['embedding', [-1, 8]],
      ],
    );
    assert.equal(metadata.parameters.labels, ['wren', 'robin', 'noise']);
    const [version] = metadata.versions;
    assert.equal(json(await replay(service, 'metadata of a version', version)), metadata);
    assert.is((await replay(service, 'metadata of a version', '0123456789ab')).status, 404);
    const index = json<{ version: string; state: string }[]>(await replay(service, 'repository index'));
    assert.equal(
      index.map(({ version: of, state }) => [of, state]),
      [[version, 'READY']],
    );
    assert.equal(json(await replay(service, 'no model')), { error: 'There is no model nonsense' });
    assert.is((await fetch(`${service.url}/v2/nonsense`)).status, 404);
  }));

test('recordings come as bytes or base64 and give what the classifier predicts', () =>
  withService([], async (service) => {
    using classifier = await Classifier.open(`${service.dir}/tiny.safetensors`);
    const { scores, labels } = await classifier.predictFile(recording);
    const best = labels[scores.indexOf(Math.max(...scores))];
    const two = await replay(service, 'binary');
    assert.match(two.headers['content-type'] ?? '', /^application\/octet-stream/);
    assert.equal([...tensors(two).keys()], ['scores', 'label'], 'the embedding only on request');
    assert.equal(tensors(two).get('scores')?.shape, [2, 3]);
    assertClose(tensors(two).get('scores')?.values, [...scores, ...scores]);
    assert.equal(tensors(two).get('label')?.values, [best, best]);
    const header = two.body.subarray(0, Number(two.headers['inference-header-content-length']));
    assert.is(json<{ id: string }>({ body: header }).id, 'two');
    const plain = await replay(service, 'binary in, JSON out');
    assert.is(plain.headers['inference-header-content-length'], undefined);
    assert.equal([...tensors(plain).keys()], ['label', 'scores'], 'in the order of the request');
    assertClose(tensors(plain).get('scores')?.values, Array.from(scores));
    const both = tensors(await replay(service, 'JSON in, both out'));
    assertClose(both.get('embedding')?.values, Array.from((await classifier.embed(recording)).embedding));
    assert.equal(both.get('label')?.values, [best]);
    const classified = tensors(await replay(service, 'classification')).get('scores');
    assert.equal(classified?.shape, [1, 2]);
    assert.match(String(classified?.values[0]), new RegExp(`^0\\.\\d{6}:${labels.indexOf(best ?? '')}:${best}$`));
    for (const encoding of ['gzip', 'deflate']) {
      const packed = await replay(service, encoding);
      assert.is(packed.headers['content-encoding'], encoding);
      assertClose(tensors(packed).get('scores')?.values, Array.from(scores));
    }
  }));

test('a response is packed as the client prefers, and not where it refuses', () =>
  withService([], async ({ url }) => {
    const wanted = {
      'gzip; q=0': null,
      'gzip;q=0, deflate;q=0.5': 'deflate',
      'gzip;q=0.5, deflate': 'deflate',
      br: null,
    };
    const input = { name: 'audio', datatype: 'BYTES', shape: [1], parameters: { content_type: 'base64' } };
    const body = JSON.stringify({ inputs: [{ ...input, data: [Buffer.from(recording).toString('base64')] }] });
    for (const [accepted, encoding] of Object.entries(wanted)) {
      const headers = { 'accept-encoding': accepted };
      const response = await fetch(`${url}/v2/models/tiny/infer`, { method: 'POST', body, headers });
      assert.is(response.headers.get('content-encoding'), encoding, accepted);
      assert.is(((await response.json()) as { outputs: unknown[] }).outputs.length, 2, accepted);
    }
  }));

test('samples are a recording like any other, and need their rate', () =>
  withService([], async (service) => {
    using classifier = await Classifier.open(`${service.dir}/tiny.safetensors`);
    const { scores } = await classifier.predictFile(recording);
    const response = tensors(await replay(service, 'samples'));
    assert.equal(response.get('scores')?.shape, [2, 3]);
    assertClose(response.get('scores')?.values.slice(0, 3), Array.from(scores));
    assert.is((await replay(service, 'samples in JSON')).status, 200);
    const refused = await replay(service, 'no sample rate');
    assert.is(refused.status, 400);
    assert.match(json<{ error: string }>(refused).error, /sample_rate/);
  }));

test('predictions are in the log, refused recordings too', () =>
  withService([], async (service) => {
    await replay(service, 'binary');
    const refused = await replay(service, 'no recording');
    assert.is(refused.status, 422);
    assert.match(json<{ error: string }>(refused).error, /^audio\[0\]: /);
    const { predictions } = (await service.management.inject('/v1/log')).json<{
      predictions: { route: string; file_name: string; error_code: string | null }[];
    }>();
    assert.equal(
      predictions.map(({ route, file_name, error_code }) => [route, file_name, error_code]).sort(),
      [
        ['/v2/models/:name/infer', 'audio[0]', null],
        ['/v2/models/:name/infer', 'audio[0]', 'not_audio'],
        ['/v2/models/:name/infer', 'audio[1]', null],
      ].sort(),
    );
  }));

test('requests that lie about their tensors are refused with a sentence', () =>
  withService(['service.limits.max_files=2', 'service.limits.max_file_bytes=100000'], async ({ url, management }) => {
    const base64 = recording.toString('base64');
    const audio = { name: 'audio', shape: [1], datatype: 'BYTES', parameters: { content_type: 'base64' } };
    const one = { ...audio, data: [base64] };
    const pcm = { name: 'pcm', shape: [1, 4], datatype: 'FP32', parameters: { sample_rate: 8000 } };
    const post = async (body: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(`${url}/v2/models/tiny/infer`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers,
      });
      const { error } = (await response.json()) as { error?: string };
      return { status: response.status, error: error ?? '' };
    };
    assert.is((await post({ inputs: [one] })).status, 200);
    const cases: readonly (readonly [body: unknown, status: number, error: RegExp])[] = [
      ['{', 400, /JSON/],
      [{}, 400, /inputs/],
      [{ inputs: [] }, 400, /inputs/],
      [{ inputs: [{ ...one, name: 'video' }] }, 400, /no input video/],
      [{ inputs: [{ ...one, shape: [2] }] }, 400, /1 elements, its shape says 2/],
      [{ inputs: [{ ...one, shape: [3], data: [base64, base64, base64] }] }, 413, /At most 2/],
      [{ inputs: [{ ...one, shape: [1e15], data: [base64] }] }, 413, /At most 2/],
      [{ inputs: [{ ...one, datatype: 'FP32' }] }, 400, /Expected BYTES/],
      [{ inputs: [{ ...one, data: ['§'] }] }, 400, /no base64/],
      [{ inputs: [{ ...one, parameters: {} }] }, 400, /is no text/],
      [{ inputs: [{ ...audio, parameters: { binary_data_size: 4 } }] }, 400, /binary_data_size/],
      [{ inputs: [audio] }, 400, /neither data/],
      [{ inputs: [{ ...pcm, data: [0, 0, 0] }] }, 400, /3 samples, its shape says 4/],
      [{ inputs: [{ ...pcm, data: [0, 'x', 0, 0] }] }, 400, /Expected numbers/],
      [{ inputs: [{ ...pcm, data: [0, 0, 0, 0], parameters: { sample_rate: 1e9 } }] }, 400, /sample_rate/],
      [{ inputs: [one], outputs: [{ name: 'nonsense' }] }, 400, /no output nonsense/],
      [{ inputs: [one], parameters: { sequence_id: 3 } }, 400, /no parameter sequence_id/],
      [{ inputs: [one], parameters: { overlap_s: 7 } }, 422, /overlapS/],
      ['x'.repeat(300_000), 413, /larger/],
    ];
    for (const [body, status, error] of cases) {
      const response = await post(body);
      assert.is(response.status, status, `${JSON.stringify(body).slice(0, 200)}: ${response.error}`);
      assert.match(response.error, error);
    }
    assert.is((await post({ inputs: [one] }, { 'content-encoding': 'br' })).status, 415);
    assert.is((await post({ inputs: [one] }, { 'content-encoding': 'gzip' })).status, 400);
    assert.is((await post('{}', { 'inference-header-content-length': '99' })).status, 400);
    assert.match((await management.inject('/metrics')).body, /autobird_upload_bytes_in_flight 0/);
  }));

test('what unpacks to more than the limit is refused while it is unpacked', () =>
  withService(['service.limits.max_files=1', 'service.limits.max_file_bytes=100000'], async ({ url }) => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    assert.ok(bomb.byteLength < 100_000);
    const response = await fetch(`${url}/v2/models/tiny/infer`, {
      method: 'POST',
      body: bomb,
      headers: { 'content-encoding': 'gzip' },
    });
    assert.is(response.status, 413);
  }));

test('JSON that is deep or large costs a 4xx in no time', () =>
  withService([], async ({ url }) => {
    const post = async (body: string) => {
      const begin = performance.now();
      const response = await fetch(`${url}/v2/models/tiny/infer`, { method: 'POST', body });
      return { status: response.status, text: await response.text(), tookMs: performance.now() - begin };
    };
    const data = (text: string) =>
      `{"inputs": [{"name": "pcm", "shape": [1, 1], "datatype": "FP32", "parameters": {"sample_rate": 16000}, "data": ${text}}]}`;
    const deep = await post(data('['.repeat(500_000) + ']'.repeat(500_000)));
    assert.is(deep.status, 400);
    assert.match(deep.text, 'nested more than 32 deep');
    assert.is((await post(data(`${'['.repeat(20)}0.5${']'.repeat(20)}`))).status, 200, 'nested is fine');
    const large = await post(data(`[${'0.5,'.repeat(1_500_000)}0]`));
    assert.is(large.status, 413);
    assert.match(large.text, 'send tensors as binary data');
    const texts = `{"id": "${'[['.repeat(200)}\\"[[", "inputs": []}`;
    assert.is((await post(texts)).status, 400, 'brackets in texts are none');
    assert.match((await post(texts)).text, 'inputs');
    const feedback = await fetch(`${url}/v1/feedback`, {
      method: 'POST',
      body: '['.repeat(1_000_000),
      headers: { 'content-type': 'application/json' },
    });
    assert.is(feedback.status, 413);
  }));

test.run();
