// time-limit: 300
/** The prediction log as clients may read it: on the page, and with which keys. */
import { hash } from 'node:crypto';
import type { Route } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { textOf } from '../helpers/textOf.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { withBirds } from '../helpers/withBirds.ts';
import { accessibilityProblems, closeBrowser, hasBrowser, withPage } from '../helpers/withBrowser.ts';
import { audioForm, withService } from '../helpers/withService.ts';

const wav = chirpWav(2);
const key = (name: string, ...roles: string[]) =>
  `{name: ${name}, sha256: ${hash('sha256', name)}, roles: [${roles.join(', ')}]}`;

async function predict(url: string, name: string, place: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(`${url}/v1/predictions?place=${place}`, {
    method: 'POST',
    headers,
    body: audioForm([name, wav]),
  });
  assert.is(response.status, 200, await response.text());
}

test('clients read the log with the role manage only, and delete nothing', () =>
  withService(
    [`service.auth.keys=[${key('singer', 'predict', 'read')}, ${key('warden', 'manage', 'predict')}]`],
    async ({ url }) => {
      const as = (name: string) => ({ authorization: `Bearer ${name}` });
      await predict(url, 'dawn.wav', 'pond', as('singer'));
      assert.is((await fetch(`${url}/v1/log`)).status, 401);
      assert.is((await fetch(`${url}/v1/log`, { headers: as('singer') })).status, 403);
      const response = await fetch(`${url}/v1/log?place=pond`, { headers: as('warden') });
      const { predictions } = (await response.json()) as { predictions: readonly { file_name: string }[] };
      assert.equal(
        predictions.map(({ file_name }) => file_name),
        ['dawn.wav'],
      );
      const deleted = await fetch(`${url}/v1/log?place=pond`, { method: 'DELETE', headers: as('warden') });
      assert.ok([404, 405].includes(deleted.status), `status ${deleted.status}`);
    },
  ));

for (const [settings, status] of [
  [[], 200],
  [['service.web.log=false'], 404],
  // In a network, without keys: whoever reaches it would read what others sent.
  [['service.host=0.0.0.0'], 404],
  [['service.host=0.0.0.0', 'service.web.log=true'], 200],
  [['service.log.path=null'], 404],
] as const) {
  test(`the log is for clients or not: ${settings.join(' ') || 'at a loopback address'}`, () =>
    withService(settings, async ({ url }) => {
      assert.is((await fetch(`${url}/v1/log`)).status, status);
      assert.is((await fetch(`${url}/app/log/`)).status, status);
      assert.is((await (await fetch(`${url}/app/`)).text()).includes('href="./log/"'), status === 200);
    }));
}

if (!hasBrowser) console.log('# skip: there is no Chromium here, the page is not tried (apt-get install -y chromium)');
else {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the page searches the log by class, place and date, in the ${colorScheme}`, () =>
      withBirds(({ url }) =>
        withPage({ colorScheme, acceptDownloads: true, viewport: { width: 360, height: 740 } }, async (visit) => {
          const { page, problems } = visit;
          await page.goto(`${url}/app/`);
          await page.fill('#place', 'pond');
          await page.setInputFiles('#files', { name: 'dawn.wav', mimeType: 'audio/wav', buffer: Buffer.from(wav) });
          await page.waitForSelector('.result h2');
          await page.click('[aria-labelledby="feedback-title"] >> text="No bird"');
          await page.waitForSelector('text=Thank you');
          for (let i = 0; i < 101; i++) await predict(url, `clip${i}.wav`, 'wood');
          await page.click('nav >> text="Log"');
          await page.waitForSelector('#count:text("100 predictions so far")');
          await page.click('text="Older ones"');
          await page.waitForSelector('#count:text-is("102 predictions")');
          assert.equal(await accessibilityProblems(page), []);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(overflow <= 0, `${overflow} px too wide`);
          await page.fill('#place', 'pond');
          await page.click('text="Search"');
          await page.waitForSelector('#count:text-is("1 prediction")');
          const [row = ''] = await page.locator('#rows tr').allInnerTexts();
          assert.match(row, /dawn\.wav\s+siskin\s+\d+\s%\s+pond\s+no bird/);
          const [download] = await Promise.all([page.waitForEvent('download'), page.click('text="As CSV"')]);
          const csv = await textOf(download);
          assert.is(csv.trim().split('\r\n').length, 2, csv);
          const today = await page.evaluate(() => new Date().toLocaleDateString('sv'));
          await page.fill('#since', today);
          await page.fill('#until', today);
          await page.click('text="Search"');
          await page.waitForSelector('#count:text-is("1 prediction")');
          await page.fill('#until', '2020-01-01');
          await page.fill('#since', '');
          await page.click('text="Search"');
          await page.waitForSelector('text="Nothing like that."');
          assert.equal(problems, []);
        }),
      ));
  }

  test('of two searches only the later one is shown, whichever arrives first', () =>
    withService([], async ({ url }) => {
      await predict(url, 'dawn.wav', 'pond');
      await predict(url, 'dusk.wav', 'wood');
      await withPage({}, async ({ page, problems }) => {
        await page.goto(`${url}/app/log/`);
        await page.waitForSelector('#count:text-is("2 predictions")');
        const held: Promise<Route> = new Promise((resolve) => {
          void page.route(/place=pond/, resolve);
        });
        await page.fill('#place', 'pond');
        await page.click('text="Search"');
        const first = await held;
        await page.fill('#place', 'wood');
        await page.click('text="Search"');
        await page.waitForSelector('#count:text-is("1 prediction")');
        const late = page.waitForResponse(/place=pond/);
        await first.continue();
        await (await late).finished();
        // What the page does with the late response it does before this.
        await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
        const rows = await page.locator('#rows tr').allInnerTexts();
        assert.is(rows.length, 1, rows.join('\n'));
        assert.match(rows[0] as string, 'dusk.wav');
        assert.equal(problems, []);
      });
    }));

  test('the last day of a search is whole, also where clocks change on it', () =>
    withService([], ({ url }) =>
      withPage({ timezoneId: 'Europe/Berlin' }, async ({ page, problems }) => {
        await page.goto(`${url}/app/log/`);
        await page.waitForSelector('text="Nothing like that."');
        await page.fill('#until', '2026-10-25');
        const [request] = await Promise.all([page.waitForRequest(/until=/), page.click('text="Search"')]);
        assert.is(new URL(request.url()).searchParams.get('until'), '2026-10-25T23:00:00.000Z');
        assert.equal(problems, []);
      }),
    ));

  test.after(closeBrowser);
}

test.run();
