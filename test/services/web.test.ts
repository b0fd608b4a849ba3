/** The page's routes: their policy, their addresses, and training runs as JSON. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { train } from '../../src/index.ts';
import { bestRecord } from '../../src/run/bestRecord.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('pages and what they load come from our own origin, under a policy without inline code', () =>
  withService(['service.web.drift_url=http://drift.example:8002/below'], async ({ url }) => {
    const page = await fetch(`${url}/app/`);
    assert.is(page.status, 200);
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.match(policy, /connect-src 'self' http:\/\/drift\.example:8002;/);
    assert.not.match(policy, /unsafe|\*|data:/);
    const html = await page.text();
    assert.not.match(html, /<script(?![^>]*src=)|<style| style=| on\w+=/);
    const addresses = [...html.matchAll(/(?:src|href)="([^"#]+)/g)].map(([, address]) => address as string);
    const assets = addresses.filter((address) => address.includes('/assets/'));
    assert.ok(assets.length >= 4, String(assets.length));
    for (const address of addresses) {
      assert.ok(address.startsWith('./'), `${address} would not work behind a path`);
      const response = await fetch(new URL(address, `${url}/app/`));
      assert.is(response.status, 200, address);
    }
  }));

test('a page without the slash at its end leads to the one with it, wherever it is mounted', () =>
  withService([], async ({ url }) => {
    const response = await fetch(`${url}/app/history?a=b`, { redirect: 'manual' });
    assert.is(response.status, 308);
    assert.is(response.headers.get('location'), 'history/?a=b');
    assert.is((await fetch(`${url}/app/history?a=b`)).url, `${url}/app/history/?a=b`);
  }));

test('the start stays the original’s, and pages are no part of the API', () =>
  withService([], async ({ url }) => {
    assert.is(((await (await fetch(url)).json()) as { Hello: string }).Hello, 'Welcome to AutoBird Inference API');
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, unknown> };
    assert.equal(
      Object.keys(paths).filter((path) => path.startsWith('/app') || path.startsWith('/v1/runs')),
      [],
    );
  }));

test('nothing beside the page’s files is served', () =>
  withService([], async ({ url }) => {
    for (const path of [
      'assets/../pages.ts',
      'assets/%2e%2e/pages.ts',
      'assets/..%2fpages.ts',
      'assets/',
      'vendor/uplot/../package.json',
      'runs/',
    ]) {
      assert.is((await fetch(`${url}/app/${path}`)).status, 404, path);
    }
  }));

test('it can be switched off', () =>
  withService(['service.web.enabled=false'], async ({ url }) => {
    assert.is((await fetch(`${url}/app/`)).status, 404);
  }));

test('the page is told what it may offer', () =>
  withService(['service.web.runs_root=DIR', 'service.limits.max_file_bytes=1000'], async ({ url }) => {
    const settings = (await (await fetch(`${url}/app/settings.json`)).json()) as Record<string, unknown>;
    const { version, ...rest } = settings;
    assert.match(String(version), /^\d+\.\d+\.\d+/);
    assert.equal(rest, {
      runs: true,
      drift_url: null,
      keeps_log: true,
      keeps_audio: false,
      max_file_bytes: 1000,
      max_duration_s: 3600,
      jobs: { max_file_bytes: 4 * 2 ** 30, max_duration_s: 86_400 },
    });
  }));

test('training runs are listed and shown as their files have them', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2', 'training.steps_per_epoch=2');
    await prepareTones(dir, config, 6);
    const run = await train({ config, overrides: ['training.epochs=2'] });
    await withService([`service.web.runs_root=${config.run.root}`], async ({ url }) => {
      const get = async (path: string) =>
        (await (await fetch(`${url}/v1/runs${path}`)).json()) as Record<string, unknown>;
      const { total, runs } = (await get('')) as { total: number; runs: Record<string, unknown>[] };
      assert.is(total, 1);
      const report = await run.report();
      const { id, created_at, ...listed } = runs[0] ?? {};
      assert.match(String(id), /^\d{4}-\d\d-\d\d~\d\d-\d\d-\d\d$/);
      assert.is(created_at, (await run.state()).createdAt);
      assert.equal(listed, {
        state: 'finished',
        dataset: 'tones',
        overrides: ['training.epochs=2'],
        epochs: 2,
        planned_epochs: 2,
        val_accuracy: bestRecord(await run.metrics(), config.training.metric)?.valAccuracy,
        test_accuracy: report?.recordings.accuracy,
        test_balanced_accuracy: report?.recordings.balancedAccuracy,
        damaged: [],
      });
      const { metrics, ...shown } = await get(`/${id}`);
      assert.equal(shown, runs[0]);
      const lines = (await readFile(join(run.dir, 'metrics.jsonl'), 'utf8')).trim().split('\n');
      assert.equal(
        metrics,
        lines.map((line) => JSON.parse(line)),
      );
      assert.equal(await get(`/${id}/report`), JSON.parse(await readFile(join(run.dir, 'report.json'), 'utf8')));
      const page = await fetch(`${url}/v1/runs/${id}/report.html`);
      assert.is(await page.text(), await readFile(join(run.dir, 'report.html'), 'utf8'));
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/);
      assert.equal((await get('?offset=1')) as unknown, { total: 1, runs: [] });

      await writeFile(join(run.dir, 'report.json'), '{"half": ');
      const damaged = ((await get('')) as { runs: { damaged: string[]; test_accuracy: unknown }[] }).runs[0];
      assert.is(damaged?.test_accuracy, null);
      assert.is(damaged?.damaged.length, 1);
      assert.not.match(damaged?.damaged[0] ?? '', new RegExp(dir), 'paths of the server stay there');
    });
  }));

test('what is no run is 404 with what to do, whatever it is called', () =>
  withService(['service.web.runs_root=DIR/runs'], async ({ url }) => {
    assert.equal(await (await fetch(`${url}/v1/runs`)).json(), { total: 0, runs: [] });
    for (const id of ['..%2F..%2Fetc', '%2E%2E~tiny', '~', '%00']) {
      assert.is((await fetch(`${url}/v1/runs/${id}`)).status, 404, id);
    }
    const response = await fetch(`${url}/v1/runs/nothing`);
    assert.equal(await response.json(), {
      detail: 'There is no run nothing: GET /v1/runs lists them',
      code: 'unknown_run',
    });
    assert.is((await fetch(`${url}/v1/runs?limit=0`)).status, 422);
  }));

test.run();
