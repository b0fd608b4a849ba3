import { rename } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

interface LoggedRow {
  readonly request_id: string;
  readonly file_name: string;
  readonly model: string;
  readonly shadow: boolean;
  readonly label: string | null;
  readonly error_code: string | null;
  readonly drift_features: { readonly mel_mean: number } | null;
  readonly true_label?: string | null;
}

test('every prediction is in the log when it arrives, a refused recording too', () =>
  withService([], async ({ url, management }) => {
    const rows = async () => (await management.inject('/v1/log')).json<{ predictions: LoggedRow[] }>().predictions;
    for (let n = 0; n < 5; n++) {
      const response = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        body: audioForm([`${n}.wav`, chirpWav(1)]),
      });
      const [newest] = await rows();
      assert.is(newest?.request_id, response.headers.get('x-request-id'));
      assert.is(newest?.file_name, `${n}.wav`);
      assert.ok(Number.isFinite(newest?.drift_features?.mel_mean));
    }
    await fetch(`${url}/classify/`, {
      method: 'POST',
      body: audioForm(['bad.wav', Buffer.from('no recording, only text')]),
    });
    const [bad] = await rows();
    assert.is(bad?.error_code, 'not_audio');
  }));

test('feedback finds its prediction', () =>
  withService([], async ({ url, management }) => {
    const response = await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
    const send = (body: object) =>
      fetch(`${url}/v1/feedback`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
    const requestId = response.headers.get('x-request-id');
    assert.is((await send({ request_id: requestId, label: 'robin' })).status, 201);
    const { predictions } = (await management.inject('/v1/log')).json<{ predictions: LoggedRow[] }>();
    assert.is(predictions[0]?.true_label, 'robin');
    assert.is((await send({ request_id: 'unknown', label: 'robin' })).status, 404);
    assert.is((await send({ request_id: requestId })).status, 422);
    assert.is((await send({ request_id: requestId, label: 'ro\0bin' })).status, 422);
    assert.is((await send({ request_id: `${requestId}\0`, label: 'robin' })).status, 422);
  }));

test('the log is exported and deleted for operators only', () =>
  withService(['service.web.log=false'], async ({ url, management }) => {
    for (const name of ['keep.wav', 'drop.wav']) {
      await fetch(`${url}/classify/`, { method: 'POST', body: audioForm([name, chirpWav(1)]) });
    }
    for (const path of ['/v1/log', '/v1/log/export', '/metrics'])
      assert.is((await fetch(`${url}${path}`)).status, 404, path);
    const original = await management.inject('/v1/log/export?format=original');
    assert.match(original.body, /^time, audio_file, prediction\n[\d-]+ [\d:.]+\+00:00, keep\.wav, /);
    assert.is((await management.inject({ method: 'DELETE', url: '/v1/log' })).statusCode, 422);
    const deleted = await management.inject({ method: 'DELETE', url: '/v1/log?file_name=drop.wav' });
    assert.equal(deleted.json(), { deleted: 1 });
    const parquet = await management.inject('/v1/log/export?format=parquet');
    assert.is(parquet.rawPayload.toString('latin1', 0, 4), 'PAR1');
    assert.is((await management.inject('/v1/log?since=yesterday')).statusCode, 422);
  }));

test('a shadow model predicts everything, and its predictions are in no response', () =>
  withService(
    [
      "service.models=[{name: a, checkpoint: 'DIR/tiny.safetensors'}, {name: b, checkpoint: 'DIR/b.safetensors', shadow: true}]",
      'service.reload_s=0.05',
    ],
    async ({ url, dir, management }) => {
      await writeTinyModel(`${dir}/b.safetensors`, { seed: 3 });
      await management.inject({ method: 'POST', url: '/v1/models/refresh' });
      const response = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        body: audioForm(['a.wav', chirpWav(1)]),
      });
      assert.is(((await response.json()) as { predictions: { model: string }[] }).predictions[0]?.model, 'a');
      for (let tries = 0; tries < 100; tries++) {
        const { predictions } = (await management.inject('/v1/log')).json<{ predictions: LoggedRow[] }>();
        if (predictions.length === 2) {
          assert.equal(
            predictions.map(({ model, shadow }) => [model, shadow]),
            [
              ['b', true],
              ['a', false],
            ],
          );
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.unreachable('the shadow model wrote no row');
    },
  ));

test('what no row can hold is not looked for: PostgreSQL would refuse it, and the log count as away', () =>
  withService([], async ({ management }) => {
    for (const field of ['request_id', 'file_name', 'label', 'place', 'model_version'])
      assert.is((await management.inject(`/v1/log?${field}=a%00b`)).statusCode, 422, field);
  }));

test('metrics count requests, predictions and failures', () =>
  withService([], async ({ url, management }) => {
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
    await fetch(`${url}/classify/`, {
      method: 'POST',
      body: audioForm(['a.wav', Buffer.from('nothing of interest here')]),
    });
    await fetch(`${url}/${'x'.repeat(50)}`);
    const { body } = await management.inject('/metrics');
    assert.match(body, /autobird_http_requests_total\{method="POST",route="\/classify\/",status="200"\} 1/);
    assert.match(body, /autobird_http_requests_total\{method="GET",route="none",status="404"\} 1/);
    assert.match(body, /autobird_predictions_total\{model="tiny",version="\w+",label="\w+"\} 1/);
    assert.match(body, /autobird_prediction_failures_total\{model="tiny",code="not_audio"\} 1/);
    for (const [stage, count] of Object.entries({ receive: 1, decode: 1, network: 1, log: 2 })) {
      assert.match(body, new RegExp(`autobird_prediction_stage_seconds_count\\{stage="${stage}"\\} ${count}\n`), stage);
    }
    // Two of the recording, and two of the silence with which the model was tried out.
    assert.match(body, /autobird_clips_total\{model="tiny"\} 4/);
    assert.match(body, /autobird_batch_clips_sum\{model="tiny"\} 4/);
    const batches = /autobird_batch_clips_count\{model="tiny"\} ([234])/.exec(body)?.[1];
    assert.match(body, new RegExp(`autobird_batch_clips_bucket\\{le="4",model="tiny"\\} ${batches}\n`));
    assert.match(body, new RegExp(`autobird_batch_clips_bucket\\{le="\\+Inf",model="tiny"\\} ${batches}\n`));
    assert.match(body, /autobird_queue_wait_seconds_count\{model="tiny"\} 4/);
    assert.match(body, /autobird_shed_calls_total\{model="tiny"\} 0/);
    assert.match(body, /autobird_worker_seconds_total\{model="tiny"\} 0\.\d/);
    assert.match(body, /autobird_model_info\{model="tiny",version="\w+",shadow="false"\} 1/);
    assert.match(body, /autobird_log_rows 2/);
    assert.match(body, /nodejs_eventloop_lag_p99_seconds/);
  }));

test('counters of a model go on when its file is replaced', () =>
  withService([], async ({ url, dir, management }) => {
    const clips = async () =>
      Number(/^autobird_clips_total\{model="tiny"\} (\d+)$/m.exec((await management.inject('/metrics')).body)?.[1]);
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(5)]) });
    const before = await clips();
    assert.ok(before > 2, `${before}`);
    await writeTinyModel(`${dir}/new`, { seed: 3 });
    await rename(`${dir}/new`, `${dir}/tiny.safetensors`);
    await management.inject({ method: 'POST', url: '/v1/models/refresh' });
    // The new model has predicted silence once.
    assert.ok((await clips()) > before, `${await clips()} after ${before}`);
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(5)]) });
    assert.ok((await clips()) >= 2 * before - 2, `${await clips()} after ${before}`);
  }));

test('a recording that is refused because there is too much to do is no unreadable one, and no row', () =>
  withService(['service.batching.max_queued_clips=1'], async ({ url, management }) => {
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const body = audioForm(['a.wav', chirpWav(20)]);
        return (await fetch(`${url}/classify/`, { method: 'POST', body })).status;
      }),
    );
    assert.ok(statuses.includes(503), statuses.join());
    const { body } = await management.inject('/metrics');
    assert.not.match(body, /autobird_prediction_failures_total\{[^}]*\}/);
    const { predictions } = (await management.inject('/v1/log')).json<{ predictions: LoggedRow[] }>();
    assert.is(predictions.length, statuses.filter((status) => status === 200).length);
  }));

test.run();
