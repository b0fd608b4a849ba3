// time-limit: 300
/** The page at /app/ with recordings from the field: long ones, many of them, a list of species, and no model yet. */
import { mkdir, writeFile } from 'node:fs/promises';
import type { Page, Route } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { textOf } from '../helpers/textOf.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withBirds } from '../helpers/withBirds.ts';
import { closeBrowser, hasBrowser, withPage } from '../helpers/withBrowser.ts';
import { withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const short = Buffer.from(chirpWav(2));
const long = Buffer.from(chirpWav(20));
const audio = (name: string, buffer = short) => ({ name, mimeType: 'audio/wav', buffer });
/** The long recording is too large for one request, and not for a job. */
const jobsAbove = `service.limits.max_file_bytes=${long.length - 1000}`;

if (!hasBrowser) console.log('# skip: there is no Chromium here, the page is not tried (apt-get install -y chromium)');
else browserTests();

function browserTests(): void {
  test('a recording that is too large for a request becomes a job, and short ones go on beside it', () =>
    withBirds(
      ({ url }) =>
        withPage({ acceptDownloads: true }, async ({ page, problems }) => {
          await page.goto(`${url}/app/`);
          await page.waitForSelector('#limits:text("becomes a job of up to")');
          await page.setInputFiles('#files', [audio('night.wav', long), audio('dawn.wav')]);
          await done(page, 2);
          await page.click('.entry >> text="night.wav"');
          await page.waitForSelector('.verdict .file:text("night.wav · 0:20.0")');
          assert.ok((await page.locator('.box').count()) > 0);
          assert.equal(await openJobs(page), []);
          assert.equal(problems, []);
        }),
      [jobsAbove, 'service.jobs.dir=DIR/jobs'],
    ));

  test('a job goes on when the page is closed, and the page takes it up when it is opened again', () =>
    withBirds(
      ({ url }) =>
        withPage({}, async ({ page, problems }) => {
          const arrive = await withoutJobStatus(page);
          await page.goto(`${url}/app/`);
          await page.waitForSelector('#limits:not(:empty)');
          await page.setInputFiles('#files', audio('night.wav', long));
          await page.waitForSelector('.state:text("waiting for its turn")');
          assert.is((await openJobs(page)).length, 1);
          await arrive();
          await page.reload();
          await done(page, 1);
          await page.waitForSelector('.verdict .file:text("night.wav")');
          await page.waitForSelector('.message:text("The recording itself is not stored")');
          assert.ok(
            problems.every((problem) => problem.includes('503')),
            problems.join('\n'),
          );
        }),
      [jobsAbove, 'service.jobs.dir=DIR/jobs'],
    ));

  /** Predicts a recording as a job; the first request for what `route` matches finds the service away. */
  const predictsAllTheSame = (route: RegExp, beforehand = async (_page: Page) => {}) =>
    withBirds(
      ({ url }) =>
        withPage({}, async ({ page }) => {
          const refuse = (refused: Route) => refused.fulfill({ status: 503, body: '{}' });
          await page.goto(`${url}/app/`);
          await page.waitForSelector('#limits:not(:empty)');
          await beforehand(page);
          await page.route(route, refuse, { times: 1 });
          await page.setInputFiles('#files', audio('night.wav', long));
          await page.waitForSelector('button.entry, .state.bad');
          assert.is(await page.locator('.state.bad').count(), 0);
          await page.waitForSelector('.verdict .file:text("night.wav")');
          assert.equal(await openJobs(page), []);
        }),
      [jobsAbove, 'service.jobs.dir=DIR/jobs'],
    );

  test('the result of a job is fetched again where the service was away when it was ready', () =>
    predictsAllTheSame(/\/v1\/jobs\/[0-9a-f]+\/result$/));

  test('a prediction waits for what the page needs of its model where the service is away meanwhile', () =>
    predictsAllTheSame(/\/v1\/models\/[^/]+$/, async (page) => {
      await page.waitForSelector('#classes li', { state: 'attached' });
    }));

  test('a job that is cancelled is deleted in the service too', () =>
    withBirds(
      ({ url }) =>
        withPage({}, async ({ page }) => {
          await withoutJobStatus(page);
          await page.goto(`${url}/app/`);
          await page.waitForSelector('#limits:not(:empty)');
          await page.setInputFiles('#files', audio('night.wav', long));
          await page.waitForSelector('.state:text("waiting for its turn")');
          const [job] = await openJobs(page);
          const [deleted] = await Promise.all([
            page.waitForResponse((response) => response.request().method() === 'DELETE'),
            page.click('text="Cancel"'),
          ]);
          assert.ok(deleted.url().endsWith(`/v1/jobs/${job?.id}`));
          assert.is(deleted.status(), 204);
          assert.equal(await openJobs(page), []);
          await page.waitForSelector('#about:visible');
        }),
      [jobsAbove, 'service.jobs.dir=DIR/jobs'],
    ));

  test('a folder of many recordings leaves the result in sight, and all are saved in one file', () =>
    withBirds(({ url, dir }) =>
      withPage({ acceptDownloads: true, viewport: { width: 1280, height: 900 } }, async ({ page, problems }) => {
        await mkdir(`${dir}/card/deep`, { recursive: true });
        const names = Array.from({ length: 24 }, (_, i) => `clip${String(i).padStart(2, '0')}.wav`);
        for (const name of names) await writeFile(`${dir}/card/deep/${name}`, short);
        await writeFile(`${dir}/card/notes.txt`, 'no recording');
        await writeFile(`${dir}/card/broken.wav`, 'no recording');
        await page.goto(`${url}/app/`);
        await page.setInputFiles('#folder', `${dir}/card`);
        await page.waitForSelector('text="24 of 25 recordings done, 1 failed"');
        const box = await page.locator('.result h2').boundingBox();
        assert.ok(box !== null && box.y < 900, `the result begins at ${box?.y}`);
        const csv = await saved(page, 'CSV');
        const rows = csv.trim().split('\r\n');
        for (const name of names)
          assert.ok(
            rows.some((row) => row.startsWith(`${name},2,`)),
            name,
          );
        assert.match(rows.find((row) => row.startsWith('broken.wav,')) ?? '', /,,,not_audio,/);
        const raven = await saved(page, 'Raven');
        for (const name of names) assert.ok(raven.includes(`\t${name}\t`), name);
        const json = JSON.parse(await saved(page, 'JSON'));
        assert.is(json.predictions.length, 25);
        assert.equal(problems, []);
      }),
    ));

  test('a list of species hides all others in what is shown and saved, and names that the model does not know are named', () =>
    withBirds(({ url }) =>
      withPage({ acceptDownloads: true }, async ({ page, problems }) => {
        await page.goto(`${url}/app/`);
        await page.waitForSelector('#classes li:text("siskin")', { state: 'attached' });
        await page.locator('#min-score').fill('0');
        await page.setInputFiles('#files', audio('dawn.wav'));
        await page.waitForSelector('.result h2');
        assert.is(await page.locator('.bars li').count(), 3);
        await page.click('#species-title');
        await page.fill('#species', 'Turdus migratorius_Robin\nSISKIN # in winter\nEmu');
        await page.waitForSelector('#species-note:text("The model does not know 1 of 3: Emu.")');
        const names = await page.locator('.bars .name').allInnerTexts();
        assert.equal(names.sort(), ['robin', 'siskin']);
        assert.match(await page.locator('.result h2').innerText(), /^(robin|siskin) /);
        const [download] = await Promise.all([page.waitForEvent('download'), page.click('.result >> text="CSV"')]);
        const csv = await textOf(download);
        assert.ok(csv.includes('siskin') && !csv.includes('wren'), csv);
        await page.reload();
        await page.waitForSelector('text="Only 2 species"');
        await page.click('#species-title');
        await page.click('text="Show all"');
        await page.waitForSelector('text="All species"');
        assert.is(await page.evaluate(() => JSON.stringify(localStorage)), '{}');
        assert.equal(problems, []);
      }),
    ));

  test('without a model the page says so, and notices the first one', () =>
    withTempDir((models) =>
      withService([`service.models_dir=${models}`, 'service.reload_s=0.2'], ({ url }) =>
        withPage({}, async ({ page }) => {
          await page.goto(`${url}/app/`);
          await page.waitForSelector('text=This service has no model yet');
          await writeTinyModel(`${models}/first.safetensors`);
          await page.waitForSelector('text=2 classes, and no others');
          await page.waitForSelector('text=This service has no model yet', { state: 'detached' });
        }),
      ),
    ));

  test.after(closeBrowser);
}

/** What a job came to does not arrive, as when the service is being restarted; gives what ends that. */
async function withoutJobStatus(page: Page): Promise<() => Promise<void>> {
  const path = /\/v1\/jobs\/[0-9a-f]+$/;
  await page.route(path, (route) =>
    route.request().method() === 'GET' ? route.fulfill({ status: 503, body: '{}' }) : route.continue(),
  );
  return () => page.unroute(path);
}

async function done(page: Page, recordings: number): Promise<void> {
  await page.waitForFunction((count) => document.querySelectorAll('button.entry').length === count, recordings);
}

async function saved(page: Page, kind: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#all-files >> text="${kind}"`)]);
  return await textOf(download);
}

/** What the page remembers of jobs that are not over. */
async function openJobs(page: Page): Promise<readonly { readonly id: string }[]> {
  return await page.evaluate(async () => {
    const assets = new URL('./assets/historyStore.js', location.href).href;
    return (await import(assets)).recallJobs();
  });
}

test.run();
