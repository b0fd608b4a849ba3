// time-limit: 240
import { connect } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Classifier, type RecordingPrediction } from '../../src/index.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { eventually } from '../helpers/eventually.ts';
import { LiveClient, type LiveMessage } from '../helpers/liveClient.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { withService } from '../helpers/withService.ts';

/** The samples of a WAV file of ours. */
const pcm = (wav: Uint8Array) => wav.subarray(44);
const start = { sample_rate_hz: 16000, format: 's16le' };
const end = { type: 'end' };

/** 16-bit samples as float ones, each twice where there are two channels. */
function floats(bytes: Uint8Array, channels: number): Uint8Array {
  const samples = new Int16Array(new Uint8Array(bytes).buffer);
  const out = new Float32Array(samples.length * channels);
  for (const [i, value] of samples.entries()) out.fill(value / 32768, i * channels, (i + 1) * channels);
  return new Uint8Array(out.buffer);
}

function clipsOf(messages: readonly LiveMessage[]): LiveMessage[] {
  return messages.filter(({ type }) => type === 'clip');
}

function assertClips(clips: readonly LiveMessage[], { clips: wanted, labels, durationS }: RecordingPrediction): void {
  assert.is(clips.length, wanted.length);
  for (const [index, { startS, endS, scores }] of wanted.entries()) {
    const { start_s, end_s, top } = clips[index] as LiveMessage;
    assertClose([start_s, end_s], [startS, Math.min(endS, durationS)]);
    for (const { label, score } of top ?? []) assertClose(score, scores[labels.indexOf(label)]);
  }
}

test('each clip is predicted when its last sample is there, as the classifier does it', () =>
  withService([], async ({ url, dir }) => {
    using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
    const wav = chirpWav(2.7);
    const client = new LiveClient(url);
    await client.send({ ...start, started_at: '2026-05-01T06:30:00+02:00', min_score: 0, top_k: 1 });
    const [ready] = await client.until(1);
    assert.is(ready?.type, 'ready');
    await client.send(pcm(wav).subarray(0, 32001));
    const [, first] = await client.until(2);
    assert.equal([first?.type, first?.start_s, first?.end_s], ['clip', 0, 1], 'without waiting for more sound');
    assert.is(first?.at, '2026-05-01T06:30:00+02:00');
    assert.is(first?.detections?.length, 1);
    // A sample is cut in two between messages.
    for (let at = 32001; at < pcm(wav).length; at += 7777) await client.send(pcm(wav).subarray(at, at + 7777));
    await client.send(end);
    assert.equal(await client.closed, { code: 1000, reason: '' });
    assertClips(clipsOf(client.messages), await classifier.predictFile(wav));
    const done = client.messages.at(-1);
    assert.equal([done?.type, done?.duration_s, done?.clips], ['done', 2.7, clipsOf(client.messages).length]);
    assert.is(clipsOf(client.messages)[1]?.at, '2026-05-01T06:30:00.500+02:00');
  }));

test('floats, channels, another rate and another overlap are predicted alike', () =>
  withService([], async ({ url, dir }) => {
    using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
    const wav = chirpWav(2, { rateHz: 22050 });
    const expected = await classifier.predictFile(wav, { overlapS: 0.2 });
    for (const [format, channels, bytes] of [
      ['s16le', 1, pcm(wav)],
      ['f32le', 2, floats(pcm(wav), 2)],
    ] as const) {
      const client = new LiveClient(url);
      await client.send({ sample_rate_hz: 22050, format, channels, overlap_s: 0.2, top_k: 2 });
      await client.send(bytes);
      await client.send(end);
      assert.is((await client.closed).code, 1000);
      assertClips(clipsOf(client.messages), expected);
    }
  }));

test('samples that are no numbers are silence', () =>
  withService([], async ({ url }) => {
    const client = new LiveClient(url);
    await client.send({ sample_rate_hz: 16000, format: 'f32le' });
    await client.send(new Uint8Array(new Float32Array(16000).fill(Number.NaN).buffer));
    await client.send(end);
    assert.is((await client.closed).code, 1000);
    const [clip] = clipsOf(client.messages);
    assert.ok(clip?.top?.every(({ score }) => Number.isFinite(score)));
  }));

test('what is wrong is named in a sentence and a code', () =>
  withService(['service.limits.max_channels=2'], async ({ url }) => {
    const cases: readonly (readonly [
      messages: readonly (object | string)[],
      code: number,
      errorCode: string,
      reason: RegExp,
    ])[] = [
      [[new Uint8Array(4)], 1003, 'no_start', /^Expected JSON first/],
      [['what?'], 1003, 'no_json', /^Text has to be JSON/],
      [[{ ...start, format: 'mp3' }], 1008, 'bad_message', /^Wrong values in the first message: format/],
      [[{ ...start, rate: 3 }], 1008, 'bad_message', /\(rate\)/],
      [[{ ...start, started_at: 'yesterday' }], 1008, 'bad_message', /ISO 8601/],
      [[{ ...start, channels: 3 }], 1008, 'over_limit', /2 channels/],
      [[{ ...start, model: 'nonsense' }], 1008, 'unknown_model', /no model nonsense/],
      [[{ ...start, overlap_s: 7 }, new Uint8Array(4), end], 1008, 'invalid_argument', /overlapS/],
      [[start, { type: 'stop' }], 1008, 'bad_message', /a message after the first/],
      [[start, end], 1008, 'no_samples', /no samples/],
      [[start, new Uint8Array(4), end, new Uint8Array(4)], 1008, 'after_end', /has to be the last/],
    ];
    for (const [messages, code, errorCode, reason] of cases) {
      const client = new LiveClient(url);
      for (const message of messages) await client.send(message);
      const closed = await client.closed;
      assert.is(closed.code, code, closed.reason);
      assert.match(closed.reason, reason);
      assert.is(client.messages.at(-1)?.code, errorCode);
    }
    const large = new LiveClient(url);
    await large.send(start);
    await large.send(new Uint8Array(2 ** 20 + 1));
    assert.is((await large.closed).code, 1009);
  }));

test('limits on connections, length and silence hold', () =>
  withService(
    ['service.live.max_connections=1', 'service.live.idle_s=0.5', 'service.live.max_duration_s=2'],
    async ({ url }) => {
      const idle = new LiveClient(url);
      await idle.send(start);
      await idle.until(1);
      const second = new LiveClient(url);
      assert.is((await second.closed).code, 1013);
      const closed = await idle.closed;
      assert.equal([closed.code, idle.messages.at(-1)?.code], [1008, 'idle']);
      const long = new LiveClient(url);
      await long.send(start);
      await long.send(pcm(chirpWav(3)));
      assert.is((await long.closed).code, 1008);
      assert.equal(
        long.messages.slice(-2).map(({ type, code }) => code ?? type),
        ['done', 'too_long'],
        'what came before is predicted',
      );
    },
  ));

test('who sends faster than is allowed has to wait, and is not kept in memory', () =>
  withService(['service.live.max_speed=1'], async ({ url, management }) => {
    const client = new LiveClient(url);
    await client.send(start);
    const megabyte = new Uint8Array(2 ** 20);
    for (let i = 0; i < 32; i++) await client.send(megabyte);
    await client.until(2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(client.socket.bufferedAmount > 0, 'all of it was taken');
    const { body } = await management.inject('/metrics');
    const seconds = Number(/autobird_live_audio_seconds_total\{model="tiny"\} (\S+)/.exec(body)?.[1]);
    assert.ok(seconds < 200, `${seconds} of 1,048 s`);
    client.socket.terminate();
  }));

test('who has sent the end and waits for the last predictions is not idle', () =>
  withService(['service.live.max_speed=1', 'service.live.idle_s=0.5'], async ({ url }) => {
    const client = new LiveClient(url);
    await client.send(start);
    await client.send(pcm(chirpWav(2)));
    await client.send(end);
    const { code, reason } = await client.closed;
    assert.equal([code, client.messages.at(-1)?.type], [1000, 'done'], reason);
  }));

test('pages of others may not connect, our own and programs may', () =>
  withService([], async ({ url }) => {
    const refused = await new LiveClient(url, { origin: 'https://evil.example' }).send(start).catch((error) => error);
    assert.match(String(refused), /403/);
    const own = new LiveClient(url, { origin: url });
    await own.send(start);
    assert.is((await own.until(1))[0]?.type, 'ready');
    own.socket.close();
    const plain = await fetch(`${url}/v1/live`);
    assert.is(plain.status, 426);
  }));

test('without a model it says to try again later', () =>
  withService(["service.models=[{name: a, checkpoint: 'DIR/none'}]"], async ({ url }) => {
    const client = new LiveClient(url);
    await client.send(start);
    assert.is((await client.closed).code, 1013);
  }));

test('a session leaves one row, also when its client vanishes; metrics count it', () =>
  withService([], async ({ url, management }) => {
    const client = new LiveClient(url);
    await client.send(start);
    await client.send(pcm(chirpWav(1.6)));
    await client.until(3);
    assert.match((await management.inject('/metrics')).body, /autobird_live_connections 1/);
    client.socket.terminate();
    await client.closed;
    const rows = async () =>
      (await management.inject('/v1/log')).json<{
        predictions: { route: string; clips: number; duration_s: number; scores: Record<string, number> }[];
      }>().predictions;
    await eventually(async () => (await rows()).length > 0, 'no row was written');
    const [row, ...others] = await rows();
    assert.is(others.length, 0);
    assert.equal([row?.route, row?.clips, row?.duration_s], ['/v1/live', 2, 1.6]);
    assertClose(
      Object.values(row?.scores ?? {}).reduce((sum, score) => sum + score, 0),
      1,
    );
    const { body } = await management.inject('/metrics');
    assert.match(body, /autobird_live_sessions_total\{code="1001"\} 1/);
    assert.match(body, /autobird_live_audio_seconds_total\{model="tiny"\} 1\.6/);
  }));

test('a service that stops says so', async () => {
  let closed: LiveClient['closed'] | undefined;
  await withService([], async ({ url }) => {
    const client = new LiveClient(url);
    await client.send(start);
    await client.until(1);
    closed = client.closed;
  });
  assert.equal(await closed, { code: 1001, reason: 'The service stops: connect again' });
});

test('clients that offer HTTP/2 in passing are served in HTTP/1.1', () =>
  withService([], async ({ url }) => {
    const body = '{"request_id": "unknown", "label": null}';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      'POST /v1/feedback HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n' +
        `HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const response = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    assert.match(response, /^HTTP\/1\.1 404 /);
    assert.match(response, /There is no prediction of request unknown/);
    socket.destroy();
  }));

test.run();
