/** The routes of the original system, as its clients and its API tests know them. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import { Classifier } from '../../src/index.ts';
import { eventually } from '../helpers/eventually.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

test('GET / has the body that its API test compares', () =>
  withService([], async ({ url }) => {
    const response = await fetch(`${url}/`);
    assert.is(response.status, 200);
    assert.is(
      await response.text(),
      '{"Hello":"Welcome to AutoBird Inference API","Help":"Use /classify/ endpoint to POST an audio file for classification."}',
    );
  }));

test('GET /files/ lists the model files, with and without the slash, and nothing where there is no folder', () =>
  withService(
    ['service.models_dir=DIR/models', "service.models=[{name: a, checkpoint: 'DIR/tiny.safetensors'}]"],
    async ({ url }) => {
      assert.equal(await (await fetch(`${url}/files/`)).json(), { files: [] });
      assert.equal(await (await fetch(`${url}/files`)).json(), { files: [] });
    },
  ));

test('POST /classify/ gives the bare label that the classifier gives', () =>
  withService([], async ({ url, dir }) => {
    using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
    for (const seed of [1, 2, 3]) {
      const wav = chirpWav(2.3, { seed });
      const response = await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a,b "c".wav', wav]) });
      assert.is(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
      const { topLabel } = await classifier.predictFile(wav);
      assert.is(await response.json(), topLabel ?? 'noise');
    }
  }));

test('POST /classify/ calls digital silence by a no-event label', () =>
  withService([], async ({ url }) => {
    const silence = encodeWav16(new Float64Array(32000), 16000);
    const response = await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['night.wav', silence]) });
    assert.is(await response.json(), 'noise');
  }));

test('a form without the field is told so as FastAPI tells it', () =>
  withService([], async ({ url }) => {
    const form = new FormData();
    form.append('other', new Blob(['x']), 'x.wav');
    const response = await fetch(`${url}/classify/`, { method: 'POST', body: form });
    assert.is(response.status, 422);
    const { detail } = (await response.json()) as { detail: unknown };
    assert.equal(detail, [{ type: 'missing', loc: ['body', 'audio'], msg: 'Field required' }]);
  }));

test('what is no recording is the client’s mistake, never a 500', () =>
  withService([], async ({ url }) => {
    const cases: readonly (readonly [string, Uint8Array, number])[] = [
      ['text.wav', Buffer.from('hello world, this is text'), 422],
      ['empty.wav', new Uint8Array(0), 422],
      ['header.wav', chirpWav(1).subarray(0, 44), 422],
      ['garbage.mp3', Buffer.alloc(3000, 0x5a), 422],
    ];
    for (const [name, bytes, status] of cases) {
      const response = await fetch(`${url}/classify/`, { method: 'POST', body: audioForm([name, bytes]) });
      assert.is(response.status, status, name);
      const { detail, code } = (await response.json()) as {
        detail: readonly { loc: unknown; msg: string }[];
        code: string;
      };
      assert.equal(detail[0]?.loc, ['body', 'audio'], name);
      assert.ok(code.length > 3);
    }
    const half = await fetch(`${url}/classify/`, {
      method: 'POST',
      body: audioForm(['half.wav', chirpWav(2).subarray(0, 30_000)]),
    });
    assert.is(half.status, 200, 'half a recording is still one');
  }));

test('a service without a model lives, says what is missing and is not ready', () =>
  withService(['service.models_dir=DIR/none'], async ({ url }) => {
    assert.is((await fetch(`${url}/livez`)).status, 200);
    const ready = await fetch(`${url}/readyz`);
    assert.is(ready.status, 503);
    assert.match(((await ready.json()) as { reason: string }).reason, /There is no model: name a checkpoint/);
    const response = await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) });
    assert.is(response.status, 503);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
  }));

test('a checkpoint that disappears leaves the loaded model answering, and one that comes back is loaded', () =>
  withService(
    ["service.models=[{name: a, checkpoint: 'DIR/tiny.safetensors'}]", 'service.reload_s=0.05'],
    async ({ url, dir }) => {
      const errorMatches = async (wanted: RegExp) => {
        const { models } = (await (await fetch(`${url}/v1/models`)).json()) as { models: { error: string | null }[] };
        return wanted.test(String(models[0]?.error));
      };
      const statusOf = async () =>
        (await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) })).status;
      await rename(`${dir}/tiny.safetensors`, `${dir}/away`);
      await eventually(() => errorMatches(/^No checkpoint/), 'its absence is not told');
      assert.is(await statusOf(), 200);
      await rename(`${dir}/away`, `${dir}/tiny.safetensors`);
      await eventually(() => errorMatches(/^null$/), 'its absence is still told');
      assert.is(await statusOf(), 200);
    },
  ));

test('models stay loaded while their folder cannot be listed or has vanished, and the log says why', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const spoil: readonly (readonly [logged: string, replace: (folder: string) => Promise<unknown>])[] = [
    ['cannot be read (ENOTDIR', (folder) => writeFile(folder, 'no folder')],
    ['has no checkpoint any more', async () => {}],
    ['has no checkpoint any more', (folder) => mkdir(folder)],
  ];
  for (const [logged, replace] of spoil) {
    lines.length = 0;
    await withService(
      ['service.models_dir=DIR/models', 'service.reload_s=0.05'],
      async ({ url, dir, management }) => {
        const classify = async () =>
          (await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', chirpWav(1)]) })).status;
        await mkdir(`${dir}/models`);
        await rename(`${dir}/tiny.safetensors`, `${dir}/models/a.safetensors`);
        await management.inject({ method: 'POST', url: '/v1/models/refresh' });
        assert.is(await classify(), 200);
        await rename(`${dir}/models`, `${dir}/away`);
        await replace(`${dir}/models`);
        await eventually(async () => lines.join('').includes(logged), 'nothing is logged');
        assert.is(await classify(), 200, logged);
        assert.is((await fetch(`${url}/readyz`)).status, 200, logged);
        assert.is((await fetch(`${url}/files/`)).status, 200, logged);
        await rm(`${dir}/models`, { recursive: true, force: true });
        await rename(`${dir}/away`, `${dir}/models`);
        await management.inject({ method: 'POST', url: '/v1/models/refresh' });
        assert.is(await classify(), 200, logged);
      },
      logger,
    );
  }
});

test.run();
