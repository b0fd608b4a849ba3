// time-limit: 240
/** Who may do what, how often, from where; and what a refusal costs. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { warnWhereOpen } from '../../services/http/protect.ts';
import { createInferenceService } from '../../services/inference/createInferenceService.ts';
import { LiveClient } from '../helpers/liveClient.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, serviceConfig, withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const keys = (entries: Readonly<Record<string, string>>) =>
  `service.auth.keys=[${Object.entries(entries)
    .map(([name, roles]) => `{name: ${name}, sha256: ${sha256(`secret of ${name}`)}, roles: [${roles}]}`)
    .join(', ')}]`;
const keyOf = (name: string) => ({ 'x-api-key': `secret of ${name}` });
const predict = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${url}/v1/predictions`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]), headers });
const code = async (response: Response) => ((await response.json()) as { code: string }).code;

test('without keys everybody may do everything, and no security is promised in the description', () =>
  withService([], async ({ url }) => {
    assert.is((await predict(url)).status, 200);
    const api = (await (await fetch(`${url}/openapi.json`)).json()) as { security?: unknown };
    assert.is(api.security, undefined);
  }));

test('a key does what its roles say: 401 without one or with a wrong one, 403 with another role', () =>
  withService([keys({ station: 'predict', page: 'read', expert: 'feedback' })], async ({ url }) => {
    const missing = await predict(url);
    assert.is(missing.status, 401);
    assert.is(missing.headers.get('www-authenticate'), 'Bearer realm="autobird"');
    assert.is(await code(missing), 'missing_credentials');
    const wrong = await predict(url, { authorization: 'Bearer something else' });
    assert.is(wrong.status, 401);
    const unknown = await predict(url, { 'x-api-key': 'secret of nobody' });
    assert.is(unknown.status, 401);
    assert.match(unknown.headers.get('www-authenticate') ?? '', 'error="invalid_token"');
    assert.is(await code(unknown), 'invalid_credentials');
    const other = await predict(url, keyOf('page'));
    assert.is(other.status, 403);
    assert.match(await other.text(), /page has no role \\"predict\\"/);
    assert.is((await predict(url, keyOf('station'))).status, 200);
    assert.is((await fetch(`${url}/v1/models`, { headers: keyOf('page') })).status, 200);
    assert.is((await fetch(`${url}/openapi.json`, { headers: keyOf('page') })).status, 200);
    assert.is((await fetch(`${url}/docs`)).status, 401);
    assert.is((await fetch(`${url}/v1/models`, { headers: keyOf('station') })).status, 403);
    const feedback = { method: 'POST', body: '{"request_id": "none", "label": null}' };
    const headers = { 'content-type': 'application/json' };
    const feedbackResponse = await fetch(`${url}/v1/feedback`, {
      ...feedback,
      headers: { ...headers, ...keyOf('expert') },
    });
    assert.is(feedbackResponse.status, 404, 'past the door: there is no such request');
    assert.is(
      (await fetch(`${url}/v1/feedback`, { ...feedback, headers: { ...headers, ...keyOf('page') } })).status,
      403,
    );
    for (const path of ['/', '/livez', '/readyz']) assert.is((await fetch(url + path)).status, 200, path);
    assert.is((await fetch(`${url}/nothing`)).status, 404);
  }));

test('a bearer key is as good, and the description names both ways', () =>
  withService([keys({ a_key: 'predict, read' })], async ({ url }) => {
    // A key with blanks in it is no bearer token: `autobird key` makes none.
    assert.is((await predict(url, { authorization: 'Bearer secret of a_key' })).status, 401);
    const api = await fetch(`${url}/openapi.json`, { headers: keyOf('a_key') });
    const { components, security } = (await api.json()) as {
      components: { securitySchemes: object };
      security: object;
    };
    assert.equal(Object.keys(components.securitySchemes), ['key', 'bearer']);
    assert.equal(security, [{ key: [] }, { bearer: [] }]);
  }));

test('live sound needs a key as well; a browser, which can send no header along, names it among the protocols', () =>
  withService(
    [`service.auth.keys=[{name: station, sha256: ${sha256('abk_live')}, roles: [predict]}]`],
    async ({ url }) => {
      const begin = async (protocols: readonly string[], headers = {}) => {
        const client = new LiveClient(url, headers, protocols);
        try {
          await client.send({ sample_rate_hz: 16000, format: 's16le' });
          assert.is((await client.until(1))[0]?.type, 'ready');
          return client.socket.protocol;
        } catch (error) {
          return (error as Error).message;
        } finally {
          client.socket.terminate();
        }
      };
      assert.match(await begin([]), '401');
      assert.match(await begin(['autobird.live', 'bearer.abk_wrong']), '401');
      const upgrade = 'GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
      const websocket = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
      assert.match(await toItsEnd(url, upgrade + websocket), /^HTTP\/1\.1 401 /, 'and the connection is closed');
      assert.is(await begin([], { 'x-api-key': 'abk_live' }), '');
      assert.is(await begin(['autobird.live', 'bearer.abk_live']), 'autobird.live', 'the key does not come back');
    },
  ));

test('which routes are public is configurable', () =>
  withService([keys({ a: 'predict' }), 'service.auth.public_routes=[/docs/*, /files]'], async ({ url }) => {
    assert.is((await fetch(`${url}/docs`)).status, 200);
    assert.is((await fetch(`${url}/docs/static/index.css`)).status, 200);
    assert.is((await fetch(`${url}/files/`)).status, 200);
    assert.is((await fetch(`${url}/`)).status, 401);
    assert.is((await fetch(`${url}/livez`)).status, 200, 'health needs no key');
  }));

test('autobird key makes a key; its line in a file lets it in without a restart, and a broken file lets nobody else out', () =>
  withTempDir(async (dir) => {
    const { code: exit, stdout } = await runCommand(['key', 'field-station', '--role', 'predict', '--json']);
    assert.is(exit, 0);
    const made = JSON.parse(stdout) as { key: string; line: string; sha256: string };
    assert.match(made.key, /^abk_[\w-]{43}$/);
    assert.is(made.sha256, sha256(made.key));
    const file = `${dir}/keys`;
    const write = async (text: string) => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    await write('# nobody yet\n');
    await withService([`service.auth.keys_file=${file}`, 'service.reload_s=0.05'], async ({ url }) => {
      const attempt = async () => (await predict(url, { authorization: `Bearer ${made.key}` })).status;
      const until = async (status: number) => {
        for (let i = 0; i < 100 && (await attempt()) !== status; i++) await sleep(20);
        return attempt();
      };
      assert.is(await attempt(), 401);
      await write(`${made.line}\n`);
      assert.is(await until(200), 200);
      await write('field-station:no hash\n');
      await sleep(200);
      assert.is(await attempt(), 200, 'a broken file changes nothing');
      await write('# revoked\n');
      assert.is(await until(401), 401);
    });
  }));

test('a wrong line of the keys file ends the start with its number, and does not repeat it', () =>
  withTempDir(async (dir) => {
    await writeFile(`${dir}/keys`, '# keys\nstation:abk_my_secret:predict\n');
    const config = serviceConfig([
      `service.auth.keys_file=${dir}/keys`,
      `service.models_dir=${dir}`,
      'service.log.path=null',
    ]);
    try {
      await createInferenceService(config, pino({ level: 'silent' }));
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /line 2 of .*keys: autobird key prints such a line/);
      assert.not.match((error as Error).message, 'my_secret');
    }
  }));

test('tokens of a provider are checked: signature, issuer, audience, time, algorithm, roles', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const stranger = await generateKeyPair('ES256');
  const provider = createServer(async (_request, response) => {
    response.end(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }));
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const jwks = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks`;
  const good = { iss: 'https://id.example', aud: 'autobird', sub: 'ann', realm_access: { roles: ['predict'] } };
  const sign = (claims: object, { key = privateKey, expires = '1m', kid = 'k' } = {}) =>
    new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime(expires).sign(key);
  const overrides = [
    `service.auth.jwt.jwks='${jwks}'`,
    'service.auth.jwt.issuer=https://id.example',
    'service.auth.jwt.audience=autobird',
    'service.auth.jwt.roles_claim=realm_access.roles',
  ];
  try {
    await withService(overrides, async ({ url }) => {
      const status = async (token: string) => (await predict(url, { authorization: `Bearer ${token}` })).status;
      assert.is(await status(await sign({})), 200);
      assert.is(await status(await sign({ realm_access: { roles: 'predict read' } })), 200);
      assert.is(await status(await sign({ realm_access: { roles: ['read'] } })), 403);
      const powerless = await predict(url, { authorization: `Bearer ${await sign({ realm_access: 'none' })}` });
      assert.is(powerless.status, 403);
      assert.match(await powerless.text(), 'token:ann has no role');
      assert.is(await status(await sign({ aud: 'other' })), 401);
      assert.is(await status(await sign({ iss: 'https://evil.example' })), 401);
      assert.is(await status(await sign({}, { expires: '-1m' })), 401);
      assert.is(await status(await sign({}, { expires: '-2s' })), 200, 'within the tolerance');
      assert.is(await status(await sign({}, { key: stranger.privateKey })), 401);
      assert.is(await status(await sign({}, { kid: 'unknown' })), 401);
      const [, body] = (await sign({})).split('.');
      const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
      assert.is(await status(none), 401);
      const symmetric = await new SignJWT(good)
        .setProtectedHeader({ alg: 'HS256', kid: 'k' })
        .setExpirationTime('1m')
        .sign(Buffer.from(JSON.stringify(await exportJWK(publicKey))));
      assert.is(await status(symmetric), 401, 'a public key is no secret');
    });
    provider.close();
    await withService(overrides, async ({ url }) => {
      const response = await predict(url, { authorization: `Bearer ${await sign({})}` });
      assert.is(response.status, 503, 'the provider is gone: that is not the client’s fault');
      assert.is(response.headers.get('retry-after'), '5');
    });
  } finally {
    provider.close();
  }
});

test('tokens need an issuer and an audience, and keys that nobody can exchange on the way', async () => {
  for (const [jwks, given, expected] of [
    ['https://id.example/jwks', [], /needs service.auth.jwt.issuer/],
    ['http://id.example/jwks', ['service.auth.jwt.issuer=a', 'service.auth.jwt.audience=b'], /https:/],
    ['/nowhere/jwks.json', ['service.auth.jwt.issuer=a', 'service.auth.jwt.audience=b'], /JSON Web Key Set/],
  ] as const) {
    const config = serviceConfig([`service.auth.jwt.jwks='${jwks}'`, ...given, 'service.log.path=null']);
    try {
      await createInferenceService(config, pino({ level: 'silent' }));
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, expected);
    }
  }
});

test('the management address needs manage, and for metrics alone where only they are read', () =>
  withService([keys({ operator: 'manage', prometheus: 'metrics', page: 'read' })], async ({ management }) => {
    const status = async (url: string, name?: string) =>
      (await management.inject({ url, headers: name === undefined ? {} : keyOf(name) })).statusCode;
    assert.is(await status('/metrics'), 401);
    assert.is(await status('/metrics', 'prometheus'), 200);
    assert.is(await status('/v1/log', 'prometheus'), 403);
    assert.is(await status('/v1/log', 'page'), 403);
    assert.is(await status('/v1/log', 'operator'), 200);
    assert.is(await status('/metrics', 'operator'), 200);
    assert.is(await status('/livez'), 200);
  }));

/** Sends `text`, then reads until the service closes the connection. */
async function toItsEnd(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(text);
  return Buffer.concat(await socket.toArray()).toString();
}

/** Sends `head`, then waits for the answer's head, sending nothing of a body. */
async function headOnly(url: string, head: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(head);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('\r\n\r\n')) break;
  }
  socket.destroy();
  return text;
}

test('nothing of a body is waited for before a refusal, and 100 Continue is sent for a welcome one only', () =>
  withService([keys({ station: 'predict' }), 'service.limits.max_file_bytes=1000'], async ({ url }) => {
    const post = (headers: string, bytes: number) =>
      `POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: ${bytes}\r\n${headers}\r\n`;
    assert.match(await headOnly(url, post('', 200_000_000)), /^HTTP\/1\.1 401 [\s\S]*connection: close/i);
    assert.match(await headOnly(url, post('Expect: 100-continue\r\n', 500)), /^HTTP\/1\.1 401 /);
    const key = 'X-Api-Key: secret of station\r\n';
    assert.match(await headOnly(url, post(`${key}Expect: 100-continue\r\n`, 200_000_000)), /^HTTP\/1\.1 413 /);
    assert.match(await headOnly(url, post(`${key}Expect: 100-continue\r\n`, 500)), /^HTTP\/1\.1 100 Continue/);
  }));

test('health of the protocol is health: no key, no rate, no load', () =>
  withService(
    [keys({ a: 'read' }), 'service.rate_limit.max=1', 'service.pressure.max_rss_bytes=1000000'],
    async ({ url }) => {
      // The first measure of the memory is taken after a second.
      await sleep(1200);
      for (const path of ['/livez', '/readyz', '/v2/health/live', '/v2/health/ready', '/v2/models/tiny/ready']) {
        for (let i = 0; i < 3; i++) assert.is((await fetch(url + path)).status, 200, path);
      }
      assert.is((await fetch(`${url}/v2/models/tiny`)).status, 503);
    },
  ));

test('requests above the rate are 429 with the time to come again, by key and by address', () =>
  withService([keys({ a: 'read', b: 'read' }), 'service.rate_limit.max=3'], async ({ url }) => {
    const get = (name: string) => fetch(`${url}/v1/models`, { headers: keyOf(name) });
    const first = await get('a');
    assert.is(first.headers.get('ratelimit-limit'), '3');
    assert.is(first.headers.get('ratelimit-remaining'), '2');
    await get('a');
    await get('a');
    const refused = await get('a');
    assert.is(refused.status, 429);
    assert.is(await code(refused), 'rate_limited');
    const wait = Number(refused.headers.get('retry-after'));
    assert.ok(wait > 0 && wait <= 60, `${wait}`);
    assert.is((await get('b')).status, 200, 'another client has a window of its own');
    // Guessing keys and paths counts for the address.
    for (let i = 0; i < 3; i++) assert.is((await get('nobody')).status, 401);
    assert.is((await get('nobody')).status, 429);
    assert.is((await fetch(`${url}/nothing`)).status, 429);
    for (let i = 0; i < 5; i++) assert.is((await fetch(`${url}/livez`)).status, 200, 'probes are not counted');
  }));

test('X-Forwarded-For counts where the proxy is trusted, and nowhere else', async () => {
  const statuses = async (url: string) => {
    const seen: number[] = [];
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.1'])
      seen.push((await fetch(`${url}/files`, { headers: { 'x-forwarded-for': address } })).status);
    return seen;
  };
  await withService(['service.rate_limit.max=1'], async ({ url }) => {
    assert.equal(await statuses(url), [200, 429, 429]);
  });
  await withService(['service.rate_limit.max=1', 'service.trust_proxy=[loopback]'], async ({ url }) => {
    assert.equal(await statuses(url), [200, 200, 429]);
  });
});

test('pages of other origins are refused by the browser unless they are named', async () => {
  const preflight = (url: string, origin: string) =>
    fetch(`${url}/v1/predictions`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
    });
  await withService([], async ({ url }) => {
    const response = await fetch(`${url}/livez`, { headers: { origin: 'https://birds.example' } });
    assert.is(response.headers.get('access-control-allow-origin'), null);
  });
  const named = ['service.cors.origins=["https://birds.example"]', keys({ a: 'predict' })];
  await withService(named, async ({ url }) => {
    const sent = await preflight(url, 'https://birds.example');
    assert.is(sent.status, 204, 'a preflight carries no key');
    assert.is(sent.headers.get('access-control-allow-origin'), 'https://birds.example');
    assert.match(sent.headers.get('access-control-allow-headers') ?? '', 'x-api-key');
    const other = await preflight(url, 'https://evil.example');
    assert.is(other.headers.get('access-control-allow-origin'), null);
    const refused = await predict(url, { origin: 'https://birds.example' });
    assert.is(refused.status, 401);
    assert.is(refused.headers.get('access-control-allow-origin'), 'https://birds.example', 'the page may read why');
  });
});

/** `fetch` chooses `Host` itself. */
function statusFor(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
}

test('at a loopback address only loopback names pass: a page whose name points here reads and deletes nothing', () =>
  withService([], async ({ url, management }) => {
    for (const host of [
      'localhost',
      'LOCALHOST:9000',
      'a.localhost',
      '127.0.0.1:8000',
      '127.9.9.9',
      '[::1]:8000',
      'localhost.',
    ]) {
      assert.is(await statusFor(url, '/v1/models', { host }), 200, host);
      assert.is(await statusFor(url, '/v1/models', { host: 'localhost', origin: `http://${host}` }), 200, host);
    }
    for (const host of [
      'evil.example',
      'evil.example:8000',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '10.0.0.1',
    ]) {
      assert.is(await statusFor(url, '/v1/models', { host }), 403, host);
      assert.is(await statusFor(url, '/v1/models', { host: 'localhost', origin: `http://${host}` }), 403, host);
      assert.is(await statusFor(url, '/readyz', { host, origin: 'http://evil.example' }), 200, 'health passes');
    }
    assert.is(await statusFor(url, '/v1/models', { host: 'localhost', origin: 'null' }), 403);
    for (const method of ['GET', 'DELETE'] as const) {
      const response = await management.inject({
        method,
        url: '/v1/log?file_name=a',
        headers: { host: 'evil.example:8001' },
      });
      assert.is(response.statusCode, 403, method);
      assert.match(response.json<{ detail: string }>().detail, /no requests for evil\.example:8001: .*service\.hosts/);
    }
    const rebound = new LiveClient(url, { host: 'evil.example', origin: 'http://evil.example' });
    assert.match(await once(rebound.socket, 'error').then(([error]) => String(error)), '403');
  }));

test('at another address any name passes, unless service.hosts names them', async () => {
  const bound = 'service.host=0.0.0.0';
  await withService([bound], async ({ url }) => {
    assert.is(await statusFor(url, '/v1/models', { host: 'birds.example', origin: 'https://birds.example' }), 200);
  });
  await withService([bound, 'service.hosts=[birds.example]'], async ({ url }) => {
    for (const host of ['birds.example', 'Birds.example:443', '10.0.0.1:8000', '[fe80::1]', 'localhost']) {
      assert.is(await statusFor(url, '/v1/models', { host }), 200, host);
    }
    assert.is(await statusFor(url, '/v1/models', { host: 'evil.example' }), 403);
    assert.is(await statusFor(url, '/v1/models', { host: 'birds.example', origin: 'https://evil.example' }), 403);
    assert.is(await statusFor(url, '/livez', { host: 'evil.example' }), 200);
  });
  await withService(['service.hosts=[birds.example]'], async ({ url }) => {
    const proxied = { host: '127.0.0.1:8000', origin: 'https://birds.example' };
    assert.is(await statusFor(url, '/v1/models', { host: 'birds.example' }), 200, 'a proxy at the same machine');
    assert.is(await statusFor(url, '/v1/models', proxied), 200);
    const live = new LiveClient(url, proxied);
    await live.send({ sample_rate_hz: 16000, format: 's16le' });
    assert.is((await live.until(1))[0]?.type, 'ready');
    live.socket.terminate();
  });
});

test('responses carry the headers that keep browsers from guessing', () =>
  withService([], async ({ url }) => {
    for (const path of ['/', '/docs', '/nothing']) {
      const { headers } = await fetch(url + path);
      assert.is(headers.get('x-content-type-options'), 'nosniff', path);
      assert.is(headers.get('referrer-policy'), 'no-referrer');
      assert.is(headers.get('cross-origin-resource-policy'), 'same-origin');
      assert.is(headers.get('cross-origin-opener-policy'), 'same-origin');
      assert.match(headers.get('permissions-policy') ?? '', 'camera=()');
      assert.match(headers.get('content-security-policy') ?? '', "frame-ancestors 'none'");
      assert.is(headers.get('x-powered-by'), null);
      assert.is(headers.get('server'), null);
    }
  }));

test('under pressure requests are refused with a time to try again, and probes are served', () =>
  withService(['service.pressure.max_rss_bytes=1000000'], async ({ url, management }) => {
    // The first measure is taken after a second.
    await sleep(1200);
    const response = await predict(url);
    assert.is(response.status, 503);
    assert.is(response.headers.get('retry-after'), '2');
    assert.is(await code(response), 'overloaded');
    assert.is((await fetch(`${url}/livez`)).status, 200);
    assert.is((await management.inject('/metrics')).statusCode, 200);
  }));

test('connections above the limit are closed, the others are served', () =>
  withService(['service.max_connections=2'], async ({ url }) => {
    const sockets = [0, 1].map(() => connect(Number(new URL(url).port), '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await sleep(50);
    try {
      await fetch(`${url}/livez`);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TypeError);
    }
    for (const socket of sockets) socket.destroy();
    await sleep(50);
    assert.is((await fetch(`${url}/livez`)).status, 200);
  }));

test('the pages of the documentation are there by option', () =>
  withService(['service.docs=false'], async ({ url }) => {
    for (const path of ['/docs', '/redoc', '/openapi.json']) assert.is((await fetch(url + path)).status, 404, path);
    assert.is((await predict(url)).status, 200);
  }));

test('an address that others reach without a key is in the log as a warning', () => {
  const logged = (...overrides: string[]) => {
    const lines: string[] = [];
    warnWhereOpen(
      serviceConfig(overrides),
      pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    );
    return lines.join('');
  };
  assert.is(logged(), '');
  assert.match(logged('service.host=0.0.0.0'), /Everybody who reaches it may predict.*autobird key/);
  assert.match(logged('service.management.host=0.0.0.0'), /management address may read and delete the log/);
  assert.is(logged('service.host=0.0.0.0', keys({ a: 'predict' })), '');
});

test('the log names the client and never its key', () =>
  withTempDir(async (dir) => {
    const lines: string[] = [];
    const overrides = [`service.models_dir=${dir}`, 'service.log.path=null', keys({ station: 'read' })];
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const { app, management } = await createInferenceService(serviceConfig(overrides), logger);
    await app.inject({ url: '/v1/models', headers: keyOf('station') });
    await app.close();
    await management.close();
    const text = lines.join('');
    assert.match(text, '"client":"station"');
    assert.not.match(text, 'secret of');
  }));

test.run();
