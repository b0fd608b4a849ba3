// time-limit: 240
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../helpers/eventually.ts';
import { isOver, type JobBody, jobOf, jobUntil, submit } from '../helpers/jobClient.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const own = 'service.jobs.dir=DIR/jobs';
/** Takes a while: a clip every 0.05 s. */
const slowly = 'overlap_s=0.95';

async function accepted(response: Response): Promise<JobBody> {
  assert.is(response.status, 202, await response.clone().text());
  const job = (await response.json()) as JobBody;
  assert.is(response.headers.get('location'), `/v1/jobs/${job.id}`);
  assert.is(response.headers.get('preference-applied'), 'respond-async');
  return job;
}

async function filesOf(dir: string, id: string): Promise<string[]> {
  return (await readdir(`${dir}/${id}`).catch(() => [])).sort();
}

async function rowsOf(management: FastifyInstance): Promise<number> {
  return (await management.inject('/v1/log')).json<{ predictions: unknown[] }>().predictions.length;
}

/** Files are removed just after a job is over. */
async function assertFiles(dir: string, id: string, wanted: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 200 && (await filesOf(dir, id)).length > wanted.length; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(await filesOf(dir, id), wanted);
}

test('a job has the response that the request would have had, in each format', () =>
  withService([own], async ({ url, dir, management }) => {
    const files = [
      ['dawn, 1.wav', chirpWav(3)],
      ['bad.wav', Buffer.from('not a recording')],
    ] as const;
    const query = 'top_k=1&min_score=0&clips=true&embeddings=true&spectrogram=true';
    const { id, request_id, status } = await accepted(await submit(url, query, ...files));
    assert.match(id, /^[\da-f]{32}$/);
    assert.is(status, 'queued');
    const job = await jobUntil(url, id, isOver);
    assert.equal([job.status, job.attempts, job.error], ['succeeded', 1, null]);
    assert.equal(job.recordings, ['dawn, 1.wav', 'bad.wav']);
    assert.is(job.progress.recordings_done, 2);
    assert.ok(Date.parse(job.expires_at ?? '') > Date.now());
    for (const accept of ['application/json', 'text/csv', 'text/tab-separated-values']) {
      const at = { method: 'POST', body: audioForm(...files), headers: { accept } };
      const wanted = await (await fetch(`${url}/v1/predictions?${query}`, at)).text();
      const response = await fetch(`${url}/v1/jobs/${id}/result`, { headers: { accept } });
      assert.match(response.headers.get('content-type') ?? '', new RegExp(`^${accept}`));
      const without = (text: string) => text.replace(/"request_id":"[^"]+"/, '').replace(/\d\.\d{5,}/g, '');
      assert.is(without(await response.text()), without(wanted));
    }
    assert.is((await fetch(`${url}/v1/jobs/${id}/result`, { headers: { accept: 'image/png' } })).status, 406);
    await assertFiles(`${dir}/jobs`, id, ['result-1.csv', 'result-1.json', 'result-1.raven']);
    const { predictions } = (await management.inject(`/v1/log?request_id=${request_id}`)).json<{
      predictions: { part: number; route: string; error_code: string | null }[];
    }>();
    assert.equal(
      predictions.map(({ part, route, error_code }) => [part, route, error_code]),
      [
        [1, '/v1/predictions', 'not_audio'],
        [0, '/v1/predictions', null],
      ],
    );
    assert.match((await management.inject('/metrics')).body, /autobird_job_attempts_total\{outcome="succeeded"\} 1/);
  }));

test('its limits are its own: longer and larger than a request may be', () =>
  withService(
    [own, 'service.limits.max_file_bytes=20000', 'service.limits.max_duration_s=1', 'service.limits.deadline_s=0.001'],
    async ({ url }) => {
      const { id } = await accepted(await submit(url, '', ['long.wav', chirpWav(20)]));
      assert.is((await jobUntil(url, id, isOver)).status, 'succeeded');
    },
  ));

test('events tell how it goes on and how it ended', () =>
  withService([own], async ({ url }) => {
    const { id } = await accepted(await submit(url, '', ['a.wav', chirpWav(2)]));
    const response = await fetch(`${url}/v1/jobs/${id}/events`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const states = (await response.text())
      .trim()
      .split('\n\n')
      .map((text) => (JSON.parse(/^event: job\ndata: (.*)$/.exec(text)?.[1] ?? '{}') as JobBody).status);
    assert.is(states.at(-1), 'succeeded');
    assert.equal([...new Set(states)].length, states.filter((state, i) => state !== states[i - 1]).length);
  }));

test('a job that runs is cancelled, and nothing of it is left', () =>
  withService([own], async ({ url, dir }) => {
    const { id } = await accepted(await submit(url, slowly, ['a.wav', chirpWav(120)]));
    await jobUntil(url, id, ({ status }) => status === 'running');
    const early = await fetch(`${url}/v1/jobs/${id}/result`);
    assert.is(early.status, 409);
    assert.is(((await early.json()) as { code: string }).code, 'not_done');
    assert.is((await fetch(`${url}/v1/jobs/${id}`, { method: 'DELETE' })).status, 204);
    assert.is((await jobOf(url, id)).status, 'cancelled');
    assert.is((await fetch(`${url}/v1/jobs/${id}/result`)).status, 410);
    assert.equal(await filesOf(`${dir}/jobs`, id), []);
    assert.is((await fetch(`${url}/v1/jobs/${id}`, { method: 'DELETE' })).status, 204);
    assert.is((await fetch(`${url}/v1/jobs/${id}`)).status, 404);
    assert.is((await fetch(`${url}/v1/jobs/${id}`, { method: 'DELETE' })).status, 404);
  }));

test('what cannot become a job is refused at once, and leaves nothing', () =>
  withService([own, 'service.jobs.max_queued=1', 'service.jobs.max_file_bytes=5000000'], async ({ url, dir }) => {
    const long = ['a.wav', chirpWav(120)] as const;
    const short = ['a.wav', chirpWav(1)] as const;
    assert.is((await submit(url, 'model=nonsense', short)).status, 404);
    assert.is((await submit(url, 'top_k=x', short)).status, 422);
    assert.is((await submit(url, '', ['a.wav', new Uint8Array(5_000_001)])).status, 413);
    assert.is((await submit(url, '')).status, 422);
    const first = await accepted(await submit(url, slowly, long));
    await jobUntil(url, first.id, ({ status }) => status === 'running');
    const second = await accepted(await submit(url, '', short));
    const third = await submit(url, '', short);
    assert.is(third.status, 503);
    assert.is(third.headers.get('retry-after'), '30');
    const folders = (await readdir(`${dir}/jobs`)).filter((name) => !name.startsWith('jobs.db'));
    assert.equal(folders.sort(), [first.id, second.id].sort());
    await fetch(`${url}/v1/jobs/${first.id}`, { method: 'DELETE' });
    assert.is((await jobUntil(url, second.id, isOver)).status, 'succeeded', 'the next one has its turn');
  }));

test('jobs have a total on the disk, and leave the log its share', async () => {
  const refused = async (setting: string) =>
    await withService([own, `service.jobs.${setting}`], async ({ url, dir }) => {
      const announced = await submit(url, '', ['a.wav', chirpWav(10)]);
      const unannounced = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        body: Readable.toWeb(Readable.from([chirpWav(10)])) as ReadableStream,
        duplex: 'half',
        headers: { prefer: 'respond-async', 'content-type': 'audio/wav' },
      } as RequestInit);
      const form = new Response(audioForm(['a.wav', chirpWav(10)]));
      const unannouncedForm = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        body: form.body,
        duplex: 'half',
        headers: { prefer: 'respond-async', 'content-type': form.headers.get('content-type') ?? '' },
      } as RequestInit);
      for (const response of [announced, unannounced, unannouncedForm]) {
        assert.is(response.status, 507);
        assert.is(response.headers.get('retry-after'), '60');
        const { code, detail } = (await response.json()) as { code: string; detail: string };
        assert.is(code, 'disk_full');
        assert.match(detail, `no room for the job (service.jobs.${setting.split('=')[0]}): try again later`);
      }
      assert.equal(
        (await readdir(`${dir}/jobs`)).filter((name) => !name.startsWith('jobs.db')),
        [],
      );
    });
  await refused('max_total_bytes=100000');
  await refused(`min_free_bytes=${2 ** 52}`);
});

test('an upload that is cut short leaves nothing', () =>
  withService([own], async ({ url, dir }) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const head =
      'POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nPrefer: respond-async\r\nContent-Type: audio/wav\r\n';
    socket.write(`${head}Content-Length: 1000000\r\n\r\n`);
    socket.write(chirpWav(1));
    const receiving = async () =>
      (await readdir(`${dir}/jobs`).catch(() => [])).filter((name) => name.startsWith('.receiving-'));
    await eventually(async () => (await receiving()).length > 0, 'it is not written while it arrives', 500);
    socket.destroy();
    await eventually(async () => (await receiving()).length === 0, 'the half of it is still there', 500);
  }));

test('where jobs cannot be read the other metrics are there all the same', () =>
  withService([own], async ({ dir, management }) => {
    await mkdir(`${dir}/jobs`);
    await writeFile(`${dir}/jobs/jobs.db`, 'no database, but something long enough to be taken for one'.repeat(100));
    const { statusCode, body } = await management.inject('/metrics');
    assert.is(statusCode, 200);
    assert.match(body, /^autobird_ready 1$/m);
    assert.not.match(body, /^autobird_jobs\{/m);
  }));

test('a job that fails says why, and does not keep its recording', () =>
  withService([own, 'service.jobs.max_duration_s=2'], async ({ url, dir }) => {
    for (const [bytes, query, code] of [
      [Buffer.from('not a recording'), '', 'not_audio'],
      [chirpWav(3), '', 'too_long'],
      [chirpWav(1), 'overlap_s=7', 'invalid_argument'],
    ] as const) {
      const { id } = await accepted(await submit(url, query, ['a.wav', bytes]));
      const job = await jobUntil(url, id, isOver);
      assert.equal([job.status, job.error?.code], ['failed', code]);
      const result = await fetch(`${url}/v1/jobs/${id}/result`);
      assert.is(result.status, 409);
      assert.is(((await result.json()) as { code: string }).code, code);
      await assertFiles(`${dir}/jobs`, id, []);
    }
  }));

test('an attempt has a deadline', () =>
  withService([own, 'service.jobs.deadline_s=0.05'], async ({ url }) => {
    const { id } = await accepted(await submit(url, slowly, ['a.wav', chirpWav(120)]));
    assert.is((await jobUntil(url, id, isOver)).error?.code, 'deadline_exceeded');
  }));

test('without a folder for jobs the preference is not followed', () =>
  withService(['service.jobs.dir=null'], async ({ url }) => {
    const response = await submit(url, '', ['a.wav', chirpWav(1)]);
    assert.is(response.status, 200);
    assert.is(response.headers.get('preference-applied'), null);
    assert.is((await fetch(`${url}/v1/jobs/${'0'.repeat(32)}`)).status, 404);
  }));

test('a service that stops gives its job back, and the next one does it', () =>
  withTempDir(async (dir) => {
    const shared = [`service.jobs.dir=${dir}/jobs`, `service.log.path=${dir}/log.db`];
    let id = '';
    await withService(shared, async ({ url, management }) => {
      const files = [
        ['short.wav', chirpWav(1)],
        ['long.wav', chirpWav(120)],
      ] as const;
      ({ id } = await accepted(await submit(url, slowly, ...files)));
      // Between the row of the first recording and the end of the second.
      for (let tries = 0; (await rowsOf(management)) === 0; tries++) {
        assert.ok(tries < 3000, JSON.stringify(await jobOf(url, id)));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    await withService(shared, async ({ url, management }) => {
      const job = await jobUntil(url, id, isOver);
      assert.equal([job.status, job.attempts], ['succeeded', 1], 'a stop is no attempt');
      assert.is(await rowsOf(management), 2, 'one row a recording, predicted twice or not');
    });
    await withService([...shared, 'service.jobs.retention_hours=0.000001'], async ({ url }) => {
      const isGone = async () => (await fetch(`${url}/v1/jobs/${id}`)).status === 404;
      await eventually(isGone, 'it is kept longer than it should be');
      await assertFiles(`${dir}/jobs`, id, []);
    });
  }));

test('services that share a folder do each job once', () =>
  withTempDir(async (dir) => {
    const shared = [`service.jobs.dir=${dir}/jobs`, `service.log.path=${dir}/log.db`, 'service.jobs.concurrency=2'];
    await withService(shared, ({ url: one }) =>
      withService(shared, async ({ url: two, management }) => {
        const jobs: JobBody[] = [];
        for (let n = 0; n < 8; n++) {
          jobs.push(await accepted(await submit(n % 2 === 0 ? one : two, '', [`${n}.wav`, chirpWav(5)])));
        }
        for (const { id } of jobs) {
          // Asked at the other one.
          const job = await jobUntil(two, id, isOver);
          assert.equal([job.status, job.attempts], ['succeeded', 1]);
          assert.is((await fetch(`${one}/v1/jobs/${id}/result`)).status, 200);
        }
        assert.is(await rowsOf(management), 8);
      }),
    );
  }));

test.run();
