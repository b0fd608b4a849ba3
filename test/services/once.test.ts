/** A row is written once, whatever a client or a restart repeats. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

test('a request of which one recording is refused leaves no rows of the others: its client repeats all of it', () =>
  withService(
    ['service.threads=1', 'service.batching.max_queued_clips=8', 'service.batching.max_delay_ms=0'],
    async ({ url, management }) => {
      const send = (...seconds: readonly number[]) => {
        const files = seconds.map((length, i) => [`${i}.wav`, chirpWav(length)] as const);
        return fetch(`${url}/v1/predictions`, { method: 'POST', body: audioForm(...files) });
      };
      const first = await send(1, 1, 60);
      assert.is(first.status, 503, await first.text());
      // The queue of the first may take a moment to empty.
      for (let tries = 0; (await send(1, 1)).status !== 200; tries++) {
        assert.ok(tries < 100, 'the queue empties');
        await sleep(100);
      }
      const { predictions } = (await management.inject('/v1/log')).json<{
        predictions: { part: number; error_code: string | null }[];
      }>();
      // What is shed has no row either: it says nothing about the recording.
      assert.equal(predictions.map(({ part, error_code }) => `${part} ${error_code}`).sort(), ['0 null', '1 null']);
    },
  ));

test.run();
