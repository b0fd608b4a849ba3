/** No key of `service` is without effect: each is read by what it should change. */

import { writeFile } from 'node:fs/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { createInferenceService } from '../../services/inference/createInferenceService.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { audioForm, serviceConfig } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** What services/main.ts reads, which has a test of its own (serve.test.ts). */
const ofMain = [
  'host',
  'port',
  'management.host',
  'management.port',
  'shutdown_s',
  'lame_duck_s',
  'log_level',
  'log_format',
];

test('every key is read', () =>
  withTempDir(async (dir) => {
    await writeTinyModel(`${dir}/tiny.safetensors`);
    const overrides = [
      `service.log.path=${dir}/log.db`,
      `service.models_dir=${dir}`,
      `service.models=[{name: a, checkpoint: '${dir}/tiny.safetensors'}]`,
      `service.auth.jwt.jwks=${dir}/jwks.json`,
      'service.auth.jwt.issuer=provider',
      'service.auth.jwt.audience=autobird',
      'service.rate_limit.max=100',
    ];
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    await writeFile(`${dir}/jwks.json`, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
    const token = await new SignJWT({ iss: 'provider', aud: 'autobird', sub: 'ann', roles: 'predict read' })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime('1m')
      .sign(privateKey);
    const headers = { authorization: `Bearer ${token}` };
    const config = serviceConfig(overrides);
    const read = new Set<string>();
    const { app, management } = await createInferenceService(watched(config, '', read), pino({ level: 'silent' }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as { port: number };
    const response = await fetch(`http://127.0.0.1:${port}/v1/predictions`, {
      method: 'POST',
      body: audioForm(['a.wav', chirpWav(1)]),
      headers,
    });
    assert.is(response.status, 200);
    await fetch(`http://127.0.0.1:${port}/files`, { headers });
    const live = new WebSocket(`ws://127.0.0.1:${port}/v1/live`, { headers });
    live.on('open', () => {
      live.send('{"sample_rate_hz": 16000, "format": "f32le"}');
      live.send(new Uint8Array(4000));
      live.send('{"type": "end"}');
    });
    await new Promise((resolve) => live.on('close', resolve));
    await app.close();
    await management.close();
    const unread = leaves(config).filter((path) => !read.has(path) && !ofMain.includes(path));
    assert.equal(unread, []);
  }));

test.run();

function leaves(node: unknown, path = ''): string[] {
  if (node === null || typeof node !== 'object' || Array.isArray(node)) return [path];
  return Object.entries(node).flatMap(([key, value]) => leaves(value, join(path, key)));
}

/** The same object; what is read of it is noted by its path in snake_case. */
function watched<T extends object>(target: T, path: string, read: Set<string>): T {
  return new Proxy(target, {
    get(object, key, receiver) {
      const value = Reflect.get(object, key, receiver);
      if (typeof key === 'symbol') return value;
      const place = join(path, key);
      read.add(place);
      return value !== null && typeof value === 'object' && !Array.isArray(value) ? watched(value, place, read) : value;
    },
  });
}

function join(path: string, key: string): string {
  const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return path === '' ? snake : `${path}.${snake}`;
}
