/** The manners that all services share. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../helpers/eventually.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

test('an unknown path is 404 and a wrong method 405 with Allow, in FastAPI’s bodies', () =>
  withService([], async ({ url }) => {
    const missing = await fetch(`${url}/nothing`);
    assert.is(missing.status, 404);
    assert.equal(await missing.json(), { detail: 'Not Found' });
    const wrong = await fetch(`${url}/classify`);
    assert.is(wrong.status, 405);
    assert.is(wrong.headers.get('allow'), 'POST');
    assert.equal(await wrong.json(), { detail: 'Method Not Allowed' });
  }));

test('a wrong method is 405 at a path with parameters, for a method that Node knows and we do not, and in KServe’s bodies', () =>
  withService([], async ({ url }) => {
    const cases = [
      ['PUT', '/v1/jobs/0123', 'GET, DELETE', { detail: 'Method Not Allowed' }],
      ['QUERY', '/v1/predictions', 'POST', { detail: 'Method Not Allowed' }],
      ['TRACE', '/livez', 'GET', { detail: 'Method Not Allowed' }],
      ['PROPFIND', '/v2/models/some/infer', 'POST', { error: 'Method Not Allowed' }],
    ] as const;
    for (const [method, path, allow, body] of cases) {
      const response = await sendTo(url, method, path);
      assert.is(response.status, 405, `${method} ${path}`);
      assert.is(response.allow, allow);
      assert.equal(response.body, body);
    }
    assert.equal(await sendTo(url, 'QUERY', '/nothing'), {
      status: 404,
      allow: undefined,
      body: { detail: 'Not Found' },
    });
  }));

test('a request id comes back, one’s own where it is harmless', () =>
  withService([], async ({ url }) => {
    const own = await fetch(`${url}/livez`, { headers: { 'x-request-id': 'field-7:2026' } });
    assert.is(own.headers.get('x-request-id'), 'field-7:2026');
    const strange = await fetch(`${url}/livez`, { headers: { 'x-request-id': '<script>' } });
    assert.match(strange.headers.get('x-request-id') ?? '', /^[\da-f-]{36}$/);
  }));

test('the documentation is served from our own origin', () =>
  withService([], async ({ url }) => {
    const api = (await (await fetch(`${url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<
        string,
        { post?: { requestBody?: { content: Record<string, unknown> }; responses: Record<string, unknown> } }
      >;
    };
    assert.is(api.openapi, '3.1.0');
    assert.ok(api.paths['/classify/']?.post?.requestBody?.content['multipart/form-data']);
    for (const path of ['/v1/live', '/v1/jobs/{id}', '/v2', '/v2/models/{name}/versions/{version}/infer']) {
      assert.ok(api.paths[path] !== undefined, path);
    }
    assert.equal(Object.keys(api.paths['/classify/']?.post?.responses ?? {}), ['200', '4XX', '5XX']);
    for (const path of ['/docs', '/redoc', '/redoc/redoc.standalone.js']) {
      const response = await fetch(`${url}${path}`);
      assert.is(response.status, 200, path);
      assert.not.match(await response.text().then((text) => text.slice(0, 2000)), /src="https?:/);
    }
  }));

test('an upload over the limit is refused before it is read', () =>
  withService(['service.limits.max_file_bytes=50000'], async ({ url }) => {
    const form = audioForm(['long.wav', chirpWav(10)]);
    const response = await fetch(`${url}/classify`, { method: 'POST', body: form });
    assert.is(response.status, 413);
    const raw = await fetch(`${url}/classify`, {
      method: 'POST',
      body: Buffer.from(chirpWav(10)),
      headers: { 'content-type': 'audio/wav' },
    });
    assert.is(raw.status, 413);
  }));

test('an upload that alone would fill the memory is too large now and later, announced or not', () =>
  withService(['service.limits.max_bytes_in_flight=300000'], async ({ url }) => {
    const [ten, one] = [chirpWav(10), chirpWav(1)];
    const refused = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', ten]) });
    assert.is(refused.status, 413);
    assert.match(await refused.text(), 'larger than 262500 bytes');
    const several = await fetch(`${url}/v1/predictions`, {
      method: 'POST',
      body: audioForm(...[1, 2, 3, 4].map((n) => [`${n}.wav`, chirpWav(3)] as const)),
    });
    assert.is(several.status, 413, 'one request with several recordings as well');
    const chunked = { method: 'POST', body: new Blob([Buffer.from(ten)]).stream(), duplex: 'half' } as const;
    const headers = { 'content-type': 'audio/wav' };
    assert.is((await fetch(`${url}/classify`, { ...chunked, headers } as RequestInit)).status, 413);
    const small = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', one]) });
    assert.is(small.status, 200, 'what was taken is given back');
  }));

/** A client at another address of this machine that announces an upload, sends some of it, and no more. */
async function beginUpload(url: string, { announced, sent }: { readonly announced: number; readonly sent: number }) {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress: '127.0.0.2' });
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.write(
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: ${announced}\r\n\r\n`,
  );
  socket.write(Buffer.alloc(sent));
  await once(socket, 'connect');
  return { socket, received: () => received };
}

test('what is announced takes no room: twenty clients that announce everything turn nobody away', () =>
  withService(['service.limits.max_bytes_in_flight=1000000'], async ({ url }) => {
    const held = await Promise.all(
      Array.from({ length: 20 }, () => beginUpload(url, { announced: 800_000, sent: 10 })),
    );
    await sleep(100);
    const response = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', chirpWav(20)]) });
    assert.is(response.status, 200);
    for (const { socket } of held) socket.destroy();
  }));

test('one client’s slow uploads give way to another client’s, which is within its fair share', () =>
  withService(['service.limits.max_bytes_in_flight=1000000'], async ({ url, management }) => {
    const inFlight = async () =>
      Number(/^autobird_upload_bytes_in_flight (\d+)$/m.exec((await management.inject('/metrics')).body)?.[1]);
    const held = await Promise.all(
      Array.from({ length: 4 }, () => beginUpload(url, { announced: 800_000, sent: 200_000 })),
    );
    await eventually(async () => (await inFlight()) === 800_000, 'the first client’s bytes have not come');
    const response = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', chirpWav(12)]) });
    assert.is(response.status, 200);
    await eventually(async () => held.some(({ received }) => / 503 /.test(received())), 'nobody gave way');
    assert.match(held.map(({ received }) => received()).join(''), /retry-after: 1[\s\S]*Too many uploads at once/);
    assert.is(held.filter(({ received }) => received() === '').length, 3, 'no more than had to');
    for (const { socket } of held) socket.destroy();
    await eventually(async () => (await inFlight()) === 0, 'bytes were not given back');
  }));

test('a path or an address instead of a file is refused with the way to upload one', () =>
  withService([], async ({ url, dir }) => {
    for (const [field, value] of [
      ['audio', `${dir}/tiny.safetensors`],
      ['audio_url', 'http://127.0.0.1/a.wav'],
      ['path', '../../etc/passwd'],
    ] as const) {
      const form = audioForm(['a.wav', chirpWav(1)]);
      form.append(field, value);
      const response = await fetch(`${url}/classify`, { method: 'POST', body: form });
      assert.is(response.status, 422);
      const { detail, code } = (await response.json()) as { detail: { loc: string[]; msg: string }[]; code: string };
      assert.is(code, 'not_a_file');
      assert.equal(detail[0]?.loc, ['body', field]);
      assert.match(detail[0]?.msg ?? '', 'curl -F audio=@FILE');
    }
    for (const body of ['{"url": "http://127.0.0.1/a.wav"}', '{"path": "/etc/passwd"}']) {
      const headers = { 'content-type': 'application/json' };
      for (const path of ['/classify', '/v1/predictions']) {
        const response = await fetch(url + path, { method: 'POST', body, headers });
        assert.is(response.status, 415);
        assert.match(await response.text(), 'recordings are uploaded, never fetched');
      }
    }
  }));

test('a recording under an odd type is taken for what it is, and what is none is told what is taken', () =>
  withService([], async ({ url }) => {
    const send = (body: Uint8Array | string, headers: Record<string, string>) =>
      fetch(`${url}/classify`, { method: 'POST', body: Buffer.from(body as string), headers });
    const wav = chirpWav(1);
    for (const type of [
      'application/ogg',
      'video/webm',
      'video/mp4',
      'application/x-www-form-urlencoded',
      'text/plain',
    ]) {
      assert.is((await send(wav, { 'content-type': type })).status, 200, type);
    }
    assert.is((await send(wav, {})).status, 200, 'no type at all');
    const large = await send(chirpWav(60), { 'content-type': 'application/x-www-form-urlencoded' });
    assert.is(large.status, 200, 'of many chunks');
    for (const type of ['application/x-www-form-urlencoded', 'text/html']) {
      const refused = await send('audio=/etc/passwd', { 'content-type': type });
      assert.is(refused.status, 415, type);
      assert.match(await refused.text(), /curl -F audio=@FILE.*audio\/\*, video\/\*, application\/ogg/);
    }
    const form = new Response(audioForm(['a.wav', wav]));
    const packed = gzipSync(Buffer.from(await form.arrayBuffer()));
    const types = { 'content-type': form.headers.get('content-type') ?? '' };
    for (const [body, headers] of [
      [packed, types],
      [gzipSync(wav), { 'content-type': 'audio/wav' }],
    ] as const) {
      const refused = await send(body, { ...headers, 'content-encoding': 'gzip' });
      assert.is(refused.status, 415);
      assert.match(await refused.text(), /packed \(Content-Encoding: gzip\): send it unpacked/);
    }
  }));

test('broken forms are 400, and the service goes on', () =>
  withService([], async ({ url }) => {
    const bodies = [
      '',
      '--x\r\n',
      '--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF',
      '\0'.repeat(100),
    ];
    for (const body of bodies) {
      const response = await fetch(`${url}/classify`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      });
      assert.ok([400, 422].includes(response.status), `${response.status} for ${JSON.stringify(body)}`);
    }
    const noBoundary = await fetch(`${url}/classify`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'multipart/form-data' },
    });
    assert.ok(noBoundary.status >= 400 && noBoundary.status < 500, `${noBoundary.status}`);
    assert.is((await fetch(`${url}/livez`)).status, 200);
  }));

test('a connection that is cut in the middle of an upload leaves nothing behind', () =>
  withService(['service.limits.max_bytes_in_flight=400000'], async ({ url }) => {
    const { port } = new URL(url);
    for (let i = 0; i < 5; i++) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        'POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 200000\r\n\r\n--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF',
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const response = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', chirpWav(9)]) });
    assert.is(response.status, 200);
  }));

/** `fetch` refuses some methods. */
function sendTo(
  url: string,
  method: string,
  path: string,
): Promise<{ status: number | undefined; allow: string | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method }, async (response) => {
      resolve({ status: response.statusCode, allow: response.headers.allow, body: await json(response) });
    });
    sent.on('error', reject).end();
  });
}

test.run();
