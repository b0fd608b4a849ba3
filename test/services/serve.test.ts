/** `autobird serve` as a user starts and stops it. */
// time-limit: 900
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { childrenOf } from '../../bench/memory.ts';
import { createLogger } from '../../services/http/logging.ts';
import { TerminalLog } from '../../services/http/terminalLog.ts';
import { Run } from '../../src/run/Run.ts';
import { writeKnowingModel } from '../helpers/driftService.ts';
import { eventually } from '../helpers/eventually.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { audioForm } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url));

/** A service is a command, its first process and the workers. */
function workersOf({ pid }: ChildProcess): number[] {
  return childrenOf(childrenOf(pid as number)[0] as number);
}

interface Served {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
  /** The addresses as the log gives them: management first. */
  readonly urls: readonly string[];
}

async function serve(
  dir: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  {
    listeners = 2,
    service = 'inference',
    detached = false,
  }: { readonly listeners?: number; readonly service?: string; readonly detached?: boolean } = {},
): Promise<Served> {
  const child = spawn(process.execPath, ['--import', tsx, main, 'serve', service, ...words], {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const until = Date.now() + 120_000;
  for (;;) {
    const urls = [...text.matchAll(/(?:listening at|^Open) (http:\/\/[\d.:]+)/gm)].map(([, url]) => url as string);
    if (urls.length === listeners || child.exitCode !== null || Date.now() > until)
      return { child, output: () => text, exit, urls };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a port that is taken is named with the setting that it is of, and no stack', () =>
  withTempDir(async (dir) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      const cases: [string[], RegExp][] = [
        [
          ['--port', String(port), 'service.management.port=null'],
          /choose another port with service\.port=PORT, or end that program \(or --port PORT\)/,
        ],
        [
          ['--port', '0', `service.management.port=${port}`],
          /service\.management\.port=PORT.*have none with service\.management\.port=null/,
        ],
      ];
      for (const [words, message] of cases) {
        const { exit, output } = await serve(dir, words);
        assert.is(await exit, 1);
        assert.match(output(), `Another program is at 127.0.0.1:${port}: `);
        assert.match(output(), message);
        assert.match(output(), 'There is no trained run in runs: name a checkpoint or run, or train first');
        assert.not.match(output(), / at .*\.ts:\d+/);
      }
    } finally {
      taken.close();
    }
  }));

test('a terminal is shown the address to open first, then lines for people; runs that are there are shown by the page', () =>
  withTempDir(async (dir) => {
    const lines: string[] = [];
    const log = new TerminalLog((text) => lines.push(text));
    const logger = createLogger('info', log);
    logger.info('Server listening at http://127.0.0.1:8001');
    logger.info({ model: 'default' }, 'Model loaded');
    assert.equal(lines, [], 'they wait');
    log.open();
    logger.error({ err: new Error('why') }, 'Failed');
    assert.match(
      lines.join(''),
      /^\d\d:\d\d:\d\d {2}INFO {2}Model loaded {2}model=default\n[\d:]+ {2}ERROR {2}Failed {2}why\n$/,
    );

    await mkdir(`${dir}/runs`);
    const { child, exit, output, urls } = await serve(dir, ['--port', '0', 'service.management.port=0']);
    assert.is((await fetch(`${urls[1]}/v1/runs`)).status, 200, output());
    assert.match(output(), 'The page shows the runs in runs');
    child.kill('SIGTERM');
    await exit;
  }));

test('where the folder of models is empty the newest run is served; the form of the log can be chosen', () =>
  withTempDir(async (dir) => {
    await mkdir(`${dir}/models`);
    await writeFile(`${dir}/models/.gitkeep`, '');
    const run = new Run(`${dir}/runs/2026-05-01/06-30-00`);
    await mkdir(`${run.dir}/checkpoints`, { recursive: true });
    await writeTinyModel(run.bestCheckpoint);
    const identity = { configHash: '', datasetId: '', splitHash: '', threads: 1 };
    await run.writeState({ ...identity, formatVersion: 1, createdAt: '2026-05-01T06:30:00Z', finished: true });
    const words = ['--port', '0', 'service.management.port=0', 'service.log_format=text'];
    const { child, exit, output } = await serve(dir, words, {}, { listeners: 1 });
    assert.match(output(), /With the newest model, \S+06-30-00\/checkpoints\/best\.safetensors/);
    assert.match(output(), /^[\d:]{8} {2}INFO {2}Model loaded {2}/m);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
    assert.not.match(output(), '{"severity"');
  }));

test('a checkpoint is served at the ports of the configuration and stops when told to', () =>
  withTempDir(async (dir) => {
    const checkpoint = await writeTinyModel(`${dir}/it's a "model".safetensors`);
    const words = [checkpoint, '--port', '0', 'service.management.port=0'];
    const { child, output, exit, urls } = await serve(dir, words);
    assert.is(urls.length, 2, output());
    const response = await fetch(`${urls[1]}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
    assert.is(response.status, 200);
    assert.is((await fetch(`${urls[0]}/metrics`)).status, 200);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
    assert.match(output(), /"message":"Stopping"/);
  }));

test('localhost is one address, so that one server knows all limits', () =>
  withTempDir(async (dir) => {
    const words = [await writeTinyModel(`${dir}/tiny.safetensors`), '--port', '0', 'service.host=localhost'];
    const { child, output, exit, urls } = await serve(dir, [...words, 'service.management.port=0']);
    assert.match(urls[1] ?? '', /^http:\/\/127\.0\.0\.1:/, output());
    assert.is((await fetch(`${urls[1]}/`)).status, 200);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
    assert.is(output().match(/listening at/g)?.length, 2, output());
  }));

test('several processes serve at one port as one service, and one that dies is replaced', () =>
  withTempDir(async (dir) => {
    const checkpoint = await writeTinyModel(`${dir}/tiny.safetensors`);
    const words = [checkpoint, '--port', '0', 'service.management.port=0', 'service.workers=2'];
    const { child, output, exit, urls } = await serve(dir, words, {}, { listeners: 4 });
    assert.is(urls.length, 4, output());
    const [management = '', clients = ''] = urls;
    assert.equal(urls.slice(2), urls.slice(0, 2));
    const predict = async () => {
      const form = audioForm(['a.wav', chirpWav(1)]);
      // A connection of its own, so that each process has its turn.
      const response = await fetch(`${clients}/v1/predictions`, {
        method: 'POST',
        body: form,
        headers: { connection: 'close' },
      });
      assert.is(response.status, 200);
    };
    const metric = async (name: string) => {
      const text = await (await fetch(`${management}/metrics`)).text();
      return Number(new RegExp(`^${name}(?:{.*})? (\\S+)$`, 'm').exec(text)?.[1]);
    };
    for (let i = 0; i < 6; i++) await predict();
    assert.is(await metric('autobird_batch_clips_sum'), await metric('autobird_clips_total'));
    assert.is(await metric('autobird_http_requests_total'), 6);
    assert.is(await metric('autobird_predictions_total'), 6);
    assert.is(await metric('autobird_model_info'), 1);
    assert.equal(await (await fetch(`${management}/v1/models/refresh`, { method: 'POST' })).json(), { ready: true });
    const log = (await (await fetch(`${management}/v1/log`)).json()) as { predictions: object[] };
    assert.is(log.predictions.length, 6);

    // A worker tells every two seconds what it has counted.
    await sleep(2500);
    const [victim = 0] = workersOf(child);
    process.kill(victim, 'SIGKILL');
    for (let i = 0; i < 600 && [...output().matchAll(/listening at/g)].length < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.match(
      output(),
      /"code":null,"signal":"SIGKILL","pauseMs":\d+,"message":"A worker died: another one takes its place"/,
    );
    assert.is(await metric('autobird_predictions_total'), 6, 'what the dead one counted is kept');
    for (let i = 0; i < 4; i++) await predict();
    assert.is(await metric('autobird_predictions_total'), 10);
    assert.is(await metric('autobird_clips_total'), await metric('autobird_batch_clips_sum'));
    const body = await (await fetch(`${management}/metrics`)).text();
    assert.match(body, /^autobird_workers\{state="serving"\} 2$/m);
    assert.match(body, /^autobird_workers\{state="missing"\} 0$/m);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
  }));

test('SIGTERM makes it not ready first and serves on; Ctrl-C closes at once', () =>
  withTempDir(async (dir) => {
    const checkpoint = await writeTinyModel(`${dir}/tiny.safetensors`);
    const words = [checkpoint, '--port', '0', 'service.management.port=0', 'service.lame_duck_s=2'];
    for (const [signal, leastMs] of [
      ['SIGTERM', 2000],
      ['SIGINT', 0],
    ] as const) {
      const { child, output, exit, urls } = await serve(dir, words);
      const begin = performance.now();
      child.kill(signal);
      if (signal === 'SIGTERM') {
        await eventually(async () => (await fetch(`${urls[1]}/readyz`)).status === 503, 'it is still ready');
        assert.is((await fetch(`${urls[1]}/v2/health/ready`)).status, 503);
        assert.is((await fetch(`${urls[1]}/livez`)).status, 200);
        const response = await fetch(`${urls[1]}/classify/`, {
          method: 'POST',
          body: audioForm(['a.wav', chirpWav(1)]),
        });
        assert.is(response.status, 200);
        assert.is(response.headers.get('connection'), 'close');
      }
      assert.is(await exit, 0, output());
      const tookMs = performance.now() - begin;
      assert.ok(tookMs >= leastMs && tookMs < 9000, `${signal}: ${tookMs} ms`);
    }
  }));

test('a worker that cannot take the place of a dead one is tried again and again, and the others serve', () =>
  withTempDir(async (dir) => {
    const checkpoint = await writeTinyModel(`${dir}/tiny.safetensors`);
    await writeFile(`${dir}/keys`, '# none\n');
    const words = [checkpoint, '--port', '0', 'service.management.port=0', 'service.workers=2'];
    const settings = ['service.auth.keys_file=keys', 'service.auth.public_routes=[/*]', 'service.reload_s=3600'];
    const { child, output, exit, urls } = await serve(dir, [...words, ...settings], {}, { listeners: 4 });
    assert.is(urls.length, 4, output());
    const ready = async () => {
      const response = await fetch(`${urls[1]}/readyz`, { headers: { connection: 'close' } });
      return `${response.status} ${await response.text()}`;
    };
    await writeFile(`${dir}/keys`, 'no key at all\n');
    const [victim = 0] = workersOf(child);
    process.kill(victim, 'SIGKILL');
    const attempts = () => [...output().matchAll(/"pauseMs":(\d+),"message":"A worker did not start: another/g)];
    await eventually(async () => attempts().length >= 2, 'it is not tried again', 6000);
    assert.equal(
      attempts()
        .slice(0, 2)
        .map(([, pauseMs]) => Number(pauseMs)),
      [2000, 4000],
    );
    assert.is(await ready(), '200 {"status":"ready","reason":"1 of 2 processes serve"}');
    for (let i = 0; i < 3; i++) {
      const form = audioForm(['a.wav', chirpWav(1)]);
      assert.is((await fetch(`${urls[1]}/classify/`, { method: 'POST', body: form })).status, 200);
    }
    await writeFile(`${dir}/keys`, '# none\n');
    await eventually(async () => (await ready()) === '200 {"status":"ready"}', 'it never comes back', 6000);
    child.kill('SIGINT');
    assert.is(await exit, 0, output());
  }));

/** A recording that is on its way: resolves when the service has taken the request and waits for the body. */
async function beginUpload(url: string): Promise<{ readonly finish: () => Promise<number> }> {
  const wav = chirpWav(1);
  const headers = { 'content-type': 'audio/wav', 'content-length': wav.length, expect: '100-continue' };
  // Such a client holds its connection for good.
  const agent = new Agent({ keepAlive: true });
  const client = request(`${url}/classify/`, { method: 'POST', headers, agent });
  const responded = once(client, 'response');
  client.flushHeaders();
  await once(client, 'continue');
  const finish = async () => {
    client.end(wav);
    const [response] = (await responded) as [IncomingMessage];
    response.resume();
    return response.statusCode as number;
  };
  return { finish };
}

// systemd signals every process of a service, and the first of them tells the others as well; a terminal does the same.
for (const [signal, workers] of [
  ['SIGTERM', 1],
  ['SIGINT', 2],
] as const) {
  test(`${signal} to all ${workers + (workers > 1 ? 2 : 1)} processes at once lets what has begun end`, () =>
    withTempDir(async (dir) => {
      const checkpoint = await writeTinyModel(`${dir}/tiny.safetensors`);
      const words = [checkpoint, '--port', '0', 'service.management.port=0', `service.workers=${workers}`];
      const options = { listeners: 2 * workers, detached: true };
      const { child, output, exit, urls } = await serve(dir, words, {}, options);
      assert.is(urls.length, options.listeners, output());
      const { finish } = await beginUpload(urls[1] as string);
      process.kill(-(child.pid as number), signal);
      await sleep(1500);
      assert.match(output(), /"message":"Stopping"/);
      assert.is(await finish(), 200, output());
      const respondedMs = performance.now();
      assert.is(await exit, 0, output());
      assert.ok(performance.now() - respondedMs < 5000, 'it does not wait for the client to hang up');
    }));
}

test('a port that is taken ends all processes with a sentence', () =>
  withTempDir(async (dir) => {
    const checkpoint = await writeTinyModel(`${dir}/tiny.safetensors`);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { port } = taken.address() as AddressInfo;
      const words = [checkpoint, '--port', String(port), 'service.management.port=0', 'service.workers=2'];
      const { exit, output } = await serve(dir, words);
      assert.is(await exit, 1, output());
      assert.match(output(), `Another program is at 127.0.0.1:${port}: `);
    } finally {
      taken.close();
    }
  }));

test('without a model it starts, says what it waits for, and listens at $PORT', () =>
  withTempDir(async (dir) => {
    const words = ['service.management.port=0', 'service.shutdown_s=3', 'service.log_level=info'];
    const { child, output, exit, urls } = await serve(dir, words, { PORT: '0', AUTOBIRD_HOST: '127.0.0.1' });
    assert.match(output(), /There is no trained run in runs.*Waiting for one in models\//);
    assert.is((await fetch(`${urls[1]}/readyz`)).status, 503);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
  }));

test('a path of the command line where nothing is ends it at once, a run that has no checkpoint yet is waited for', () =>
  withTempDir(async (dir) => {
    await mkdir(`${dir}/models`);
    const ports = ['--port', '0', 'service.management.port=0', 'drift.monitor.management_port=0'];
    for (const [service, path, message] of [
      ['inference', 'wrong.safetensors', 'No checkpoint or run folder at wrong.safetensors: check the path'],
      ['inference', 'models', 'The folder models holds no checkpoints/best.safetensors'],
      ['drift', 'wrong', 'No checkpoint or run folder at wrong: check the path'],
    ] as const) {
      const { exit, output, urls } = await serve(dir, [path, ...ports], {}, { service });
      assert.is(await exit, 2, output());
      assert.match(output(), message);
      assert.match(output(), 'There are no runs in runs yet');
      assert.equal(urls, []);
    }

    const run = new Run(`${dir}/runs/begun`);
    await mkdir(`${run.dir}/checkpoints`, { recursive: true });
    await writeFile(`${run.dir}/run.json`, '{}');
    const words = [`${dir}/runs/begun`, ...ports.slice(0, 3), 'service.reload_s=0.1'];
    const { child, exit, output, urls } = await serve(dir, words);
    const ready = async () => (await fetch(`${urls[1]}/readyz`)).status;
    assert.is(await ready(), 503, output());
    await writeTinyModel(`${dir}/tiny.safetensors`);
    await rename(`${dir}/tiny.safetensors`, run.bestCheckpoint);
    await eventually(async () => (await ready()) === 200, 'its checkpoint is not taken up');
    child.kill('SIGINT');
    assert.is(await exit, 0, output());
  }));

test('drift is served with the checkpoint as what is compared with, and stops with the process that computes', () =>
  withTempDir(async (dir) => {
    const { path } = await writeKnowingModel(dir, 12);
    const words = [path, '--port', '0', 'drift.monitor.management_port=0'];
    const { child, output, exit, urls } = await serve(dir, words, {}, { service: 'drift' });
    assert.is(urls.length, 2, output());
    assert.is(await (await fetch(`${urls[1]}/`)).text(), '{"service":"autobird-drift"}');
    assert.match(await (await fetch(`${urls[1]}/readyz`)).text(), /There is no prediction log at predictions\.db yet/);
    assert.match(await (await fetch(`${urls[0]}/metrics`)).text(), /^autobird_drift_alarm 0$/m);
    child.kill('SIGTERM');
    assert.is(await exit, 0, output());
    assert.match(output(), /"message":"Stopping"/);
  }));

test('a wrong setting ends it with a sentence', () =>
  withTempDir(async (dir) => {
    const { exit, output } = await serve(dir, ['service.limits.max_fils=3']);
    assert.is(await exit, 2);
    assert.match(output(), /max_fils.*max_files/s);
  }));

test.run();
