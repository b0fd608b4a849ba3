// time-limit: 300
/** The drift service over HTTP: the original's routes, the windows of a live log, the alarm and its memory. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { checkpointReference } from '../../src/drift/modelRows.ts';
import { readSide } from '../../src/drift/readSide.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { drawnRows, driftConfig, runDriftService, withKnowingModel, writeLogRows } from '../helpers/driftService.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { audioForm, withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies as clients see them
type Body = any;

async function json(url: string): Promise<{ status: number; body: Body }> {
  const answer = await fetch(url);
  return { status: answer.status, body: await answer.json() };
}

/** Asks again until `isSo` or half a minute has gone. */
async function until(url: string, isSo: (body: Body) => boolean): Promise<Body> {
  const end = Date.now() + 30_000;
  for (;;) {
    const { body } = await json(url);
    if (isSo(body) || Date.now() > end) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the original's routes answer with its bodies, and a page that needs nothing else", () =>
  withKnowingModel(async ({ dir, path, version }) => {
    await writeLogRows(`${dir}/log.db`, await drawnRows(path, 30), { modelVersion: version });
    await runDriftService(driftConfig(dir, []), async ({ url }) => {
      assert.is(await (await fetch(url)).text(), '{"service":"autobird-drift"}');
      const run = '{"ok":true,"dataset_drift":false,"n_reference":30,"n_current":20}';
      for (const place of ['/drift/run', '/drift/run/', '/drift/run?sample_n=0', '/drift/run?sample_n=99']) {
        assert.is(await (await fetch(url + place)).text(), run, place);
      }
      const sampled = await json(`${url}/drift/run?sample_n=15`);
      assert.is(sampled.body.n_current, 15);
      const wrong = await json(`${url}/drift/run?sample_n=many`);
      assert.is(wrong.status, 422);
      assert.equal(wrong.body.detail[0].loc, ['query', 'sample_n']);
      const page = await fetch(`${url}/drift/report?sample_n=15`);
      assert.match(page.headers.get('content-type') ?? '', 'text/html');
      assert.match(page.headers.get('content-security-policy') ?? '', "default-src 'none'");
      const html = await page.text();
      assert.match(html, 'Dataset Drift is NOT detected. Dataset drift detection threshold is 0.5');
      assert.match(html, '15 rows of the newest in');
      assert.not.match(html, /<script|https?:\/\/(?!www\.w3\.org)/);
      assert.is((await fetch(`${url}/docs`)).status, 200);
      const api = await json(`${url}/openapi.json`);
      for (const place of ['/', '/drift/run', '/drift/report', '/v1/drift', '/v1/drift/trend', '/v1/drift/alarm']) {
        assert.ok(api.body.paths[place]?.get, place);
      }
    });
  }));

test('a side of recordings gives embeddings until it is disposed of', () =>
  withKnowingModel(async ({ dir, path, recordings }) => {
    const config = driftConfig(dir, []);
    const side = await readSide(join(dir, 'known'), { config, model: await readCheckpoint(path) });
    const { embeddings } = side.rows;
    const kept = checkpointReference(await readCheckpoint(path))?.rows.embeddings.at(0) as Float32Array;
    assert.is(embeddings.length, recordings.length);
    assertClose([...(embeddings.at(0) as Float32Array)], [...kept], 1e-5);
    side[Symbol.dispose]();
    assert.throws(() => embeddings.at(0), /The side of these embeddings was disposed/);
  }));

test('a recording has the same row in the log, in a checkpoint and for autobird drift', () =>
  withKnowingModel(async ({ dir, path, recordings }) => {
    const reference = checkpointReference(await readCheckpoint(path));
    const [rows, heldOut] = [[...(reference?.rows ?? [])], [...(reference?.heldOut ?? [])]];
    await withService([`service.models_dir=${dir}`, `service.log.path=${dir}/log.db`], async ({ url }) => {
      for (const name of recordings.slice(0, 12)) {
        const form = audioForm([name, await readFile(name)]);
        assert.is((await fetch(`${url}/classify/`, { method: 'POST', body: form })).status, 200);
      }
    });
    const log = await PredictionLog.open({ path: `${dir}/log.db` });
    const logged = await log.driftRows({}, 100);
    await log.close();
    const csv = join(dir, 'rows.csv');
    const { code, stderr } = await runCommand(['drift', join(dir, 'known'), '-r', path, '--save', csv, '--json']);
    assert.is(code, 0, stderr);
    const [head = '', ...lines] = (await readFile(csv, 'utf8')).trim().split('\r\n');
    const table = new Map(
      lines.map((line) => {
        const cells = line.split(',');
        return [cells[0], Object.fromEntries(head.split(',').map((name, i) => [name, cells[i]]))];
      }),
    );
    const kept = recordings.map((_, i) => (i % 4 === 3 ? heldOut[(i - 3) / 4] : rows[i - Math.floor((i + 1) / 4)]));
    assert.is(logged.length, 12);
    for (const [i, row] of logged.entries()) {
      const { melMean, melStd, energyMean, energyStd } = row;
      const values = { mel_mean: melMean, mel_std: melStd, energy_mean: energyMean, energy_std: energyStd };
      const expected = kept[i];
      assert.ok(expected);
      const { target: _, ...known } = expected.values;
      assertClose({ ...values, prediction: row.target ?? 'no event' }, known, 1e-6, `log ${i}`);
      assertClose(row.confidence, expected.confidence, 1e-6);
      const line = table.get(recordings[i]) ?? {};
      for (const [name, value] of Object.entries(values))
        assertClose(Number(line[name]), value, 1e-6, `csv ${i} ${name}`);
      assert.is(line['prediction'], row.target ?? 'no event');
    }
  }));

test('windows of the log raise the alarm and end it, and a restart goes on where it was', () =>
  withKnowingModel(async ({ dir, path, version }) => {
    const log = `${dir}/log.db`;
    const at = (minute: number) => ({ modelVersion: version, fromMs: Date.UTC(2026, 0, 1, 0, minute) });
    await writeLogRows(log, await drawnRows(path, 40, { seed: 1 }), at(0));
    const config = driftConfig(dir, ['drift.monitor.every_s=0.2']);
    let since = '';
    await runDriftService(config, async ({ url, management }) => {
      assert.equal((await json(`${url}/v1/drift/alarm`)).body.raised, false);
      await writeLogRows(log, await drawnRows(path, 40, { seed: 2, shift: 3 }), at(10));
      const alarm = await until(`${url}/v1/drift/alarm`, ({ raised }) => raised);
      assert.is(alarm.raised, true);
      assert.match(alarm.why, /^2 of the last 3 windows had a share of drifted columns of 0.5 or more; .*energy_mean/);
      assert.is(alarm.since, '2026-01-01T00:10:39.000Z');
      since = alarm.since;
      const { windows } = (await json(`${url}/v1/drift/trend`)).body;
      assert.equal(
        windows.map((one: Body) => [one.rows, one.dataset_drift, one.alarm]),
        [
          [20, false, false],
          [20, false, false],
          [20, true, false],
          [20, true, true],
        ],
      );
      assert.is((await json(`${url}/v1/drift/trend?limit=1`)).body.windows.length, 1);
      const newest = (await json(`${url}/v1/drift`)).body;
      assert.equal([newest.dataset_drift, newest.alarm, newest.n_current], [true, true, 20]);
      assert.is(newest.corrected.find(({ name }: Body) => name === 'energy_mean').effect.size, 'large');
      assert.match(await (await fetch(`${url}/drift/report`)).text(), 'Over time');
      const metrics = (await management.inject('/metrics')).body;
      assert.match(metrics, /^autobird_drift_alarm 1$/m);
      assert.match(metrics, /^autobird_drift_windows_total 4$/m);
      assert.match(metrics, /^autobird_drift_score\{column="energy_mean",test="ks"\} /m);
      assert.match(metrics, /^autobird_drift_rows\{side="reference"\} 30$/m);
    });
    await runDriftService(config, async ({ url }) => {
      const alarm = (await json(`${url}/v1/drift/alarm`)).body;
      assert.equal([alarm.raised, alarm.since], [true, since]);
      await writeLogRows(log, await drawnRows(path, 40, { seed: 3 }), at(20));
      const ended = await until(`${url}/v1/drift/alarm`, ({ raised }) => !raised);
      assert.equal([ended.raised, ended.why, ended.columns], [false, null, []]);
      assert.is((await json(`${url}/v1/drift/trend`)).body.windows.length, 6);
    });
  }));

test('a new version of the model begins with windows of its own, without a restart', () =>
  withKnowingModel(async ({ dir, path, version }) => {
    await writeLogRows(`${dir}/log.db`, await drawnRows(path, 20), { modelVersion: version });
    await runDriftService(driftConfig(dir, ['drift.monitor.every_s=0.2']), async ({ url }) => {
      assert.is((await json(`${url}/v1/drift/trend`)).body.windows.length, 1);
      const { tensors, statistics, metadata, reference } = await readCheckpoint(path);
      const calibration = { temperature: 0.5 };
      await writeCheckpoint(path, { tensors, statistics, metadata: { ...metadata, calibration }, reference });
      const { modelVersion } = await readCheckpoint(path);
      assert.is.not(modelVersion, version);
      const alarm = await until(`${url}/v1/drift/alarm`, ({ model_version }) => model_version === modelVersion);
      assert.is(alarm.model_version, modelVersion);
      assert.equal((await json(`${url}/v1/drift/trend`)).body.windows, []);
      const few = await json(`${url}/drift/run`);
      assert.equal([few.status, few.body.code], [503, 'too_few_rows']);
      // A file that is half copied is not taken up.
      await writeFile(path, 'half');
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.is((await fetch(`${url}/readyz`)).status, 200);
    });
  }));

test('what is missing is said, and taken up when it comes', () =>
  withKnowingModel(async ({ dir, path, version }) => {
    const away = await readFile(path);
    await rm(path);
    await runDriftService(driftConfig(dir, ['drift.monitor.every_s=0.2']), async ({ url }) => {
      const ready = await json(`${url}/readyz`);
      assert.is(ready.status, 503);
      assert.match(ready.body.reason, /There is nothing to compare with: name a checkpoint \(drift\.reference\)/);
      const run = await fetch(`${url}/drift/run`);
      assert.is(run.status, 503);
      assert.ok(Number(run.headers.get('retry-after')) > 0);
      assert.is((await fetch(`${url}/livez`)).status, 200);
      await writeFile(path, away);
      const log = await until(`${url}/readyz`, ({ reason }) => /prediction log/.test(reason));
      assert.match(log.reason, /There is no prediction log at .* yet: start the inference service/);
      await writeLogRows(`${dir}/log.db`, await drawnRows(path, 20), { modelVersion: version });
      await until(`${url}/readyz`, ({ status }) => status === 'ready');
      assert.is((await json(`${url}/drift/run`)).body.ok, true);
    });
  }));

test('two tables are compared as the original compares training and validation', () =>
  withTempDir(async (dir) => {
    const line = (i: number, shift: number) =>
      `2026-01-0${1 + (i % 9)},${Math.sin(i) + shift},${Math.cos(i * i)},${i % 3 === 0 ? 'wren' : 'robin'}\r\n`;
    const table = (shift: number) =>
      `at,mel_mean,mel_std,target\r\n${Array.from({ length: 60 }, (_, i) => line(i + 17 * shift, shift)).join('')}`;
    await writeFile(`${dir}/train.csv`, table(0));
    await writeFile(`${dir}/val.csv`, table(4));
    const config = driftConfig(dir, [`drift.reference=${dir}/train.csv`, `drift.current=${dir}/val.csv`]);
    await runDriftService(config, async ({ url }) => {
      const run = (await json(`${url}/drift/run`)).body;
      assert.equal(run, { ok: true, dataset_drift: false, n_reference: 60, n_current: 60 });
      const { body } = await json(`${url}/v1/drift`);
      assert.is(body.metrics[1].result.drift_by_columns.mel_mean.drift_detected, true);
      assert.is((await json(`${url}/v1/drift/trend`)).body.windows.length, 3);
    });
  }));

test.run();
