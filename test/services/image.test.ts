/** What Dockerfile.gpu says of the services, against what they do. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { composeConfig } from '../../src/config/compose.ts';

const dockerfile = readFileSync(new URL('../../Dockerfile.gpu', import.meta.url), 'utf8');

test('an image of a service exposes, and checks the health at, the port at which the service listens', () => {
  delete process.env['PORT'];
  const { service, drift } = composeConfig([], { groups: ['service', 'drift'] }).config;
  for (const [target, port] of [
    ['inference', service.port],
    ['drift', drift.monitor.port],
  ] as const) {
    const stage = dockerfile.split(`AS ${target}\n`)[1]?.split(/^FROM /m)[0] ?? '';
    assert.match(stage, `EXPOSE ${port}\n`, target);
    assert.match(stage, `(process.env.PORT || ${port}) + '/livez'`, target);
  }
});

test('images ship a Node that is looked after: an even version, newer than the oldest that autobird runs on', () => {
  const [, major = ''] = /^ARG NODE_VERSION=(\d+)\.\d+\.\d+$/m.exec(dockerfile) ?? [];
  assert.ok(Number(major) >= 24 && Number(major) % 2 === 0, major);
});

test.run();
