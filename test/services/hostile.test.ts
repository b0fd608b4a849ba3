// time-limit: 600
/** A small measure of `npm run hostile`: what is no recording and no request costs an answer, and the service goes on. */
import { mkdir, rename } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attack } from '../../bench/hostile/Attack.ts';
import { headerFloods, pathTraversal, pipelining, smuggling } from '../../bench/hostile/framing.ts';
import { fuzzedAudio, malformedForms } from '../../bench/hostile/fuzz.ts';
import { heldAnnouncements, rebinding, slowDrips, unreadableFolder } from '../../bench/hostile/unfair.ts';
import { bombs, hugeUploads, liars, truncatedUploads } from '../../bench/hostile/uploads.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { silentFlac } from '../helpers/silentFlac.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

const withFfmpeg = findFfmpeg() !== null;
if (!withFfmpeg) console.log('# skip: mutated audio and decompression bombs: ffmpeg is not installed');
const smallBombs = () => [silentFlac(3500, { channels: 2 }), silentFlac(100 * 3600, { sampleRateHz: 8000 })];

const attacks: readonly (readonly [attack: Attack, leastAnswers: number])[] = [
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

test('hostile clients get an answer that says whose fault it is, and everybody else is served', () =>
  withService(['service.models_dir=DIR/models', 'service.reload_s=0.1'], async ({ url, dir, management }) => {
    await mkdir(`${dir}/models`);
    await rename(`${dir}/tiny.safetensors`, `${dir}/models/tiny.safetensors`);
    await management.inject({ method: 'POST', url: '/v1/models/refresh' });
    for (const [attack, leastAnswers] of attacks) {
      const tally = await attack.run(Number(new URL(url).port), dir);
      const about = `${attack.name}: ${tally}; ${tally.problems.join('; ')}`;
      assert.ok(tally.total >= leastAnswers, about);
      const unexpected = [...tally.counts.keys()].filter((answer) => !attack.expected.test(answer));
      assert.equal(unexpected, [], about);
      assert.equal(tally.problems, [], about);
      const answer = await fetch(`${url}/classify`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
      assert.is(answer.status, 200, about);
    }
  }));

test.run();
