// time-limit: 600
/** A small measure of `npm run hostile`: what is no recording and no request costs a response, and the service goes on. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attack } from '../../bench/hostile/Attack.ts';
import { Bystander, type BystanderReport } from '../../bench/hostile/Bystander.ts';
import { headerFloods, pathTraversal, pipelining, smuggling } from '../../bench/hostile/framing.ts';
import { fuzzedAudio, malformedForms } from '../../bench/hostile/fuzz.ts';
import { killedReplacement } from '../../bench/hostile/killedReplacement.ts';
import { largeLog } from '../../bench/hostile/largeLog.ts';
import { ServiceProcess } from '../../bench/hostile/ServiceProcess.ts';
import { heldAnnouncements, rebinding, slowDrips, unreadableFolder } from '../../bench/hostile/unfair.ts';
import { bombs, hugeUploads, liars, truncatedUploads } from '../../bench/hostile/uploads.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { rejects } from '../helpers/rejects.ts';
import { silentFlac } from '../helpers/silentFlac.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { audioForm } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const withFfmpeg = findFfmpeg() !== null;
if (!withFfmpeg) console.log('# skip: mutated audio and decompression bombs: ffmpeg is not installed');
const smallBombs = () => [silentFlac(3500, { channels: 2 }), silentFlac(100 * 3600, { sampleRateHz: 8000 })];

const attacks: readonly (readonly [attack: Attack, leastResponses: number])[] = [
  [smuggling(), 20],
  [pathTraversal(), 18],
  [headerFloods(12), 12],
  [pipelining(50), 400],
  [liars(), 16],
  [truncatedUploads(20), 20],
  [malformedForms(80), 80],
  [hugeUploads(4, 70), 4],
  [heldAnnouncements(40, 2), 40],
  [slowDrips(10, 2), 10],
  [rebinding(), 15],
  [unreadableFolder(), 0],
  ...(withFfmpeg
    ? ([
        [fuzzedAudio(78), 78],
        [bombs(smallBombs), 2],
      ] as const)
    : []),
];

test('hostile clients get a response that says whose fault it is, and everybody else is served', () =>
  withTempDir(async (dir) => {
    const service = await startService(dir);
    try {
      const bystander = await Bystander.start(service.port);
      for (const [attack, leastResponses] of attacks) await check(service, attack, leastResponses);
      assertServed(await bystander.stop());
    } finally {
      await service.end('SIGTERM');
    }
  }));

test('a log is read and deleted from, and a worker and the one that takes its place are killed, beside a client', () =>
  withTempDir(async (dir) => {
    for (const [i, attack] of [...largeLog(2000, 1, `${dir}/large/log.db`), killedReplacement(1)].entries()) {
      const service = await startService(`${dir}/${i}`, attack.own);
      try {
        await attack.prepare?.(service);
        const bystander = await Bystander.start(service.port);
        await check(service, attack, 1);
        assertServed(await bystander.stop());
      } finally {
        await service.end('SIGTERM');
      }
    }
  }));

test('a service that does not start, or has no model, is told in its own words', () =>
  withTempDir(async (dir) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address() as { readonly port: number };
    const settings = [`service.port=${address.port}`];
    await rejects(
      startService(`${dir}/taken`, { settings }),
      /did not start:[\s\S]*Another program is at 127\.0\.0\.1:/,
    );
    taken.close();

    const damaged = await startService(`${dir}/damaged`, {
      furnish: (folder) => writeFile(`${folder}/models/tiny.safetensors`, 'no model'),
    });
    await rejects(Bystander.start(damaged.port), /first request to port \d+ was not served: 503 .*tiny/);
    await damaged.end('SIGTERM');
    await rejects(Bystander.start(damaged.port), /was not served: .*ECONNREFUSED/);
  }));

async function startService(dir: string, { settings, furnish }: Attack['own'] = {}): Promise<ServiceProcess> {
  await mkdir(`${dir}/models`, { recursive: true });
  await writeTinyModel(`${dir}/models/tiny.safetensors`);
  await furnish?.(dir);
  return await ServiceProcess.start(dir, settings);
}

async function check(service: ServiceProcess, attack: Attack, leastResponses: number): Promise<void> {
  const responses = await attack.run(service);
  const about = `${attack.name}: ${responses}; ${responses.problems.join('; ')}`;
  assert.ok(responses.total >= leastResponses, about);
  const unexpected = [...responses.counts.keys()].filter((response) => !attack.expected.test(response));
  assert.equal(unexpected, [], about);
  assert.equal(responses.problems, [], about);
  assert.ok(service.alive, about);
  const url = `http://127.0.0.1:${service.port}/classify`;
  const response = await fetch(url, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
  assert.is(response.status, 200, about);
}

function assertServed({ served, failed }: BystanderReport): void {
  assert.is(failed, 0);
  assert.ok(served > 0);
}

test.run();
