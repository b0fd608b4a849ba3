import { rename } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Classifier } from '../../src/index.ts';
import { resultToJson } from '../../src/service.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

interface Row {
  readonly recording: string;
  readonly model: string;
  readonly model_version: string;
  readonly scores: Record<string, number>;
  readonly top: readonly { readonly label: string; readonly score: number }[];
  readonly embedding?: readonly number[];
  readonly spectrogram_png?: string;
  readonly error?: { readonly code: string };
}

async function post(url: string, body: FormData | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, { method: 'POST', body: body instanceof FormData ? body : Buffer.from(body), headers });
}

async function rows(response: Response): Promise<readonly Row[]> {
  assert.is(response.status, 200, await response.clone().text());
  return ((await response.json()) as { predictions: Row[] }).predictions;
}

test('a form and a bare body get what the classifier says', () =>
  withService([], async ({ url, dir }) => {
    using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
    const wav = chirpWav(3.2);
    const expected = resultToJson(await classifier.predictFile(wav, { name: 'dawn.wav' }), false) as object;
    const [asForm] = await rows(await post(`${url}/v1/predictions`, audioForm(['dawn.wav', wav])));
    for (const [key, value] of Object.entries(expected)) assertClose(asForm?.[key as keyof Row], value);
    assert.is(asForm?.model, 'tiny');
    assert.equal(asForm?.top.map(({ label }) => label).sort(), ['robin', 'wren']);
    const headers = { 'content-type': 'audio/wav', 'content-disposition': 'attachment; filename="dawn.wav"' };
    assertClose((await rows(await post(`${url}/v1/predictions`, wav, headers)))[0], asForm);
  }));

test('options are those of the library', () =>
  withService([], async ({ url, dir }) => {
    using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
    const wav = chirpWav(4);
    const query = 'min_score=0&top_k=1&overlap_s=0.8&merge=false&clips=true&embeddings=true&spectrogram=true';
    const [row] = await rows(await post(`${url}/v1/predictions?${query}`, audioForm(['a.wav', wav])));
    const options = { minScore: 0, topK: 1, overlapS: 0.8, merge: false, name: 'a.wav' };
    const expected = resultToJson(await classifier.predictFile(wav, options), true) as object;
    for (const [key, value] of Object.entries(expected)) assertClose(row?.[key as keyof Row], value);
    const { embedding } = await classifier.embed(wav, { overlapS: 0.8 });
    assertClose(row?.embedding, Array.from(embedding));
    const png = Buffer.from(row?.spectrogram_png ?? '', 'base64');
    assert.is(png.toString('latin1', 1, 4), 'PNG');
    assert.is(png.readUInt32BE(20), 32, 'a row a band');
    assert.is(row?.top.length, 1);
  }));

test('of several recordings a bad one costs its own row', () =>
  withService(['service.limits.max_files=3'], async ({ url }) => {
    const good: readonly [string, Uint8Array] = ['good.wav', chirpWav(1)];
    const bad: readonly [string, Uint8Array] = ['bad.wav', Buffer.from('not a recording at all')];
    const responses = await rows(await post(`${url}/v1/predictions`, audioForm(good, bad, good)));
    assert.equal(
      responses.map(({ recording, error }) => [recording, error?.code]),
      [
        ['good.wav', undefined],
        ['bad.wav', 'not_audio'],
        ['good.wav', undefined],
      ],
    );
    assert.is((await post(`${url}/v1/predictions`, audioForm(good, good, good, good))).status, 413);
    assert.is((await post(`${url}/v1/predictions`, audioForm(bad))).status, 422);
  }));

test('Accept chooses CSV, a table for Raven or JSON', () =>
  withService([], async ({ url }) => {
    const form = () => audioForm(['a, "b".wav', chirpWav(2)]);
    const csv = await post(`${url}/v1/predictions?min_score=0`, form(), { accept: 'text/csv' });
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    assert.match(await csv.text(), /^recording,duration_s,.*\r?\n"a, ""b"".wav",2,/);
    const raven = await post(`${url}/v1/predictions?min_score=0`, form(), { accept: 'text/tab-separated-values' });
    const [header, first] = (await raven.text()).split('\n');
    const at = (header ?? '').split('\t').indexOf('Begin Path');
    assert.is((first ?? '').split('\t')[at], 'a, "b".wav', 'no path of the server');
    for (const accept of ['image/png', 'constructor', '__proto__', 'text/csv;q=0']) {
      assert.is((await post(`${url}/v1/predictions`, form(), { accept })).status, 406, accept);
    }
    const browser = 'text/html,application/json;q=0.9,*/*;q=0.8';
    assert.match(
      (await post(`${url}/v1/predictions`, form(), { accept: browser })).headers.get('content-type') ?? '',
      /json/,
    );
  }));

test('a name that a spreadsheet would compute is text in CSV and tables', () =>
  withService([], async ({ url, management }) => {
    for (const name of ['=1+1.wav', '+a.wav', '-a.wav', '@SUM(A1).wav', '＝cmd.wav', ' =b.wav']) {
      const form = () => audioForm([name, chirpWav(1)]);
      const csv = await (await post(`${url}/v1/predictions`, form(), { accept: 'text/csv' })).text();
      assert.ok(csv.split('\n')[1]?.replace(/^"/, '').startsWith(`'${name}`), csv);
      const raven = await post(`${url}/v1/predictions?min_score=0`, form(), { accept: 'text/tab-separated-values' });
      assert.ok((await raven.text()).includes(`\t'${name}`), name);
      const json = (await (await post(`${url}/v1/predictions`, form())).json()) as { predictions: Row[] };
      assert.is(json.predictions[0]?.recording, name, 'JSON is no spreadsheet');
    }
    for (const format of ['csv', 'original']) {
      const { body } = await management.inject(`/v1/log/export?format=${format}`);
      assert.not.match(body, /(^|, ?"?)\s*[=+@＝]/m, format);
      assert.match(body, "'=1+1.wav");
    }
  }));

test('events tell how far a long recording is, then what is in it', () =>
  withService([], async ({ url }) => {
    const form = audioForm(['long.wav', chirpWav(60)], ['bad.wav', Buffer.from('no recording, only text')]);
    const response = await post(`${url}/v1/predictions`, form, { accept: 'text/event-stream' });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const events = (await response.text())
      .trim()
      .split('\n\n')
      .map((text) => /^event: (\w+)\ndata: (.*)$/.exec(text)?.slice(1) as [string, string]);
    const names = events.map(([name]) => name);
    assert.ok(names.includes('progress'));
    assert.equal(
      names.filter((name) => name !== 'progress'),
      ['prediction', 'error', 'done'],
    );
    const steps = events.filter(([name]) => name === 'progress').map(([, data]) => JSON.parse(data).done_s as number);
    assert.equal(
      [...steps].sort((a, b) => a - b),
      steps,
    );
  }));

test('mistakes in the query are named all at once, in FastAPI’s words', () =>
  withService([], async ({ url }) => {
    const response = await post(
      `${url}/v1/predictions?top_k=x&min_score=3&nonsense=1`,
      audioForm(['a.wav', chirpWav(1)]),
    );
    assert.is(response.status, 422);
    const { detail } = (await response.json()) as { detail: readonly { loc: readonly string[]; type: string }[] };
    assert.equal(detail.map(({ loc, type }) => [loc.join('.'), type]).sort(), [
      ['query', 'extra_forbidden'],
      ['query.min_score', 'less_than_equal'],
      ['query.top_k', 'int_parsing'],
    ]);
    const overlap = await post(`${url}/v1/predictions?overlap_s=7`, audioForm(['a.wav', chirpWav(1)]));
    assert.is(overlap.status, 422);
  }));

test('a recording that takes too long is given up with 504', () =>
  withService(['service.limits.deadline_s=0.001'], async ({ url }) => {
    const response = await post(`${url}/v1/predictions`, audioForm(['a.wav', chirpWav(30)]));
    assert.is(response.status, 504);
  }));

test('models are named, weighed and described', () => {
  const models =
    "service.models=[{name: a, checkpoint: 'DIR/tiny.safetensors', weight: 0}, {name: b, checkpoint: 'DIR/tiny.safetensors'}, {name: c, checkpoint: 'DIR/none', weight: 5}]";
  return withService([models], async ({ url }) => {
    const list = (await (await fetch(`${url}/v1/models`)).json()) as {
      models: { name: string; error: string | null }[];
    };
    assert.equal(
      list.models.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.match(list.models[2]?.error ?? '', /No checkpoint or run folder/);
    const one = (await (await fetch(`${url}/v1/models/a`)).json()) as {
      labels: string[];
      lineage: { dataset: { name: string } };
    };
    assert.equal(one.labels, ['wren', 'robin', 'noise']);
    assert.is(one.lineage.dataset.name, 'tiny');
    assert.is((await fetch(`${url}/v1/models/x`)).status, 404);
    const form = () => audioForm(['a.wav', chirpWav(1)]);
    for (let i = 0; i < 5; i++) assert.is((await rows(await post(`${url}/v1/predictions`, form())))[0]?.model, 'b');
    assert.is((await rows(await post(`${url}/v1/predictions?model=a`, form())))[0]?.model, 'a');
    assert.is((await post(`${url}/v1/predictions?model=c`, form())).status, 503);
    assert.is((await post(`${url}/v1/predictions?model=d`, form())).status, 404);
  });
});

test('what a client does not wait for is not computed', () =>
  withService(['service.threads=1', 'service.batching.max_queued_clips=100000'], async ({ url, management }) => {
    const metric = async (name: string) => {
      const { body } = await management.inject('/metrics');
      const [, value] = new RegExp(`^${name}{.*} (\\S+)$`, 'm').exec(body) ?? [];
      assert.ok(value !== undefined, name);
      return Number(value);
    };
    const before = await metric('autobird_clips_total');
    const leave = new AbortController();
    const seconds = 1000;
    const response = fetch(`${url}/v1/predictions`, {
      method: 'POST',
      body: audioForm(['long.wav', chirpWav(seconds)]),
      signal: leave.signal,
    }).catch((error: Error) => error.name);
    while ((await metric('autobird_clips_total')) === before) await new Promise((resolve) => setTimeout(resolve, 1));
    leave.abort();
    assert.is(await response, 'AbortError');
    let computed = -1;
    while (computed !== (await metric('autobird_clips_total')) || (await metric('autobird_running_clips')) > 0) {
      computed = await metric('autobird_clips_total');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.is(await metric('autobird_queued_clips'), 0);
    assert.ok(computed - before < 2 * seconds, `${computed - before} clips computed`);
  }));

test('a new checkpoint is taken up while requests go on, and none of them fails', () =>
  withService(
    ["service.models=[{name: m, checkpoint: 'DIR/tiny.safetensors'}]", 'service.reload_s=0.05'],
    async ({ url, dir }) => {
      const versions = new Set<string>();
      const until = Date.now() + 30_000;
      const client = async () => {
        while (versions.size < 2 && Date.now() < until) {
          const [row] = await rows(await post(`${url}/v1/predictions`, audioForm(['a.wav', chirpWav(1)])));
          versions.add(row?.model_version ?? '');
        }
      };
      const clients = Promise.all([client(), client(), client(), client()]);
      await writeTinyModel(`${dir}/next`, { seed: 99 });
      await rename(`${dir}/next`, `${dir}/tiny.safetensors`);
      await clients;
      assert.is(versions.size, 2);
    },
  ));

test.run();
