// time-limit: 600
/** The page at /app/ in a real browser: what a listener does, by pointer, by keys alone, on a phone, behind a proxy. */
import { hash } from 'node:crypto';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { textOf } from '../helpers/textOf.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { withBirds } from '../helpers/withBirds.ts';
import { accessibilityProblems, closeBrowser, hasBrowser, withPage, withProxy } from '../helpers/withBrowser.ts';
import { type RunningService, withService } from '../helpers/withService.ts';

const wav = Buffer.from(chirpWav(3.2));
const recording = { name: 'dawn, "chorus".wav', mimeType: 'audio/wav', buffer: wav };
const schemes = ['light', 'dark'] as const;

/** In the page: a block of sound comes from its audio thread just after the end was sent, as on a busy computer. */
const lateBlock = `
  let block = () => {};
  Object.defineProperty(MessagePort.prototype, 'onmessage', {
    set(listener) {
      this.addEventListener('message', (event) => (block = () => listener(event))());
      this.start();
    },
  });
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    send.call(this, data);
    if (data === '{"type":"end"}') block();
  };`;

/** In the page: no sound comes from its audio thread. */
const noBlock = "Object.defineProperty(MessagePort.prototype, 'onmessage', { set() {} });";

if (!hasBrowser) console.log('# skip: there is no Chromium here, the page is not tried (apt-get install -y chromium)');
else browserTests();

function browserTests(): void {
  test('a recording is dropped, predicted, played, judged and found again, behind a path of a proxy', () =>
    withBirds(({ url: direct, management }) =>
      withProxy(direct, (url) =>
        withPage({ acceptDownloads: true }, async ({ page, problems }) => {
          await page.goto(`${url}/app`);
          assert.is(page.url(), `${url}/app/`);
          await drop(page);
          await page.waitForSelector('.result h2');
          const expected = await directAnswer(direct);
          assert.is(await page.locator('.box').count(), expected.detections.length);
          assert.ok(expected.detections.length > 0);
          assert.match(await page.locator('.result h2').innerText(), new RegExp(`^${expected.top_label}\\s`));
          // A canvas is 300 wide before it is painted.
          await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.plane canvas')?.height === 32);

          const last = expected.detections.at(-1);
          await page.locator('.box button').last().click();
          await page.waitForSelector('button[aria-label="Pause"]');
          await page.waitForSelector('button[aria-label="Play"]');
          const stoppedAtS = await page.locator('.controls input').inputValue();
          assert.ok(Math.abs(Number(stoppedAtS) - (last?.end_s ?? 0)) < 0.5, `${stoppedAtS} after ${last?.end_s}`);

          for (const [kind, type] of [
            ['CSV', 'text/csv'],
            ['Raven', 'text/tab-separated-values'],
          ] as const) {
            const [download] = await Promise.all([page.waitForEvent('download'), page.click(`text="${kind}"`)]);
            assert.is(await textOf(download), await directText(direct, type), kind);
          }

          await page.click('text="Wrong …"');
          const other = expected.top_label === 'wren' ? 'robin' : 'wren';
          await page.selectOption('#true-label', other);
          await page.click('text="Send"');
          await page.waitForSelector('text=Thank you');
          assert.is(await trueLabel(management, recording.name), other);

          await page.click('nav >> text="History"');
          await page.click(`text=${recording.name}`);
          await page.waitForSelector('.result h2');
          await page.waitForSelector('text=The recording itself is not stored');
          await page.click('text="Back to the list"');
          page.on('dialog', (dialog) => void dialog.accept());
          await page.click('text="Clear the history"');
          await page.waitForSelector('text=Nothing yet');
          assert.equal(problems, []);
        }),
      ),
    ));

  test('keys alone are enough, and the focus is always to be seen', () =>
    withBirds(({ url, management }) =>
      withPage({}, async ({ page, problems }) => {
        await page.goto(`${url}/app/`);
        await page.keyboard.press('Tab');
        assert.is(await page.evaluate(() => document.activeElement?.className), 'skip');
        await page.keyboard.press('Enter');
        // Asked for before it comes: a browser that is not told to hand it over would open a window.
        const asked = page.waitForEvent('filechooser');
        await tabTo(page, '#files');
        await page.keyboard.press('Space');
        const chooser = await asked;
        await chooser.setFiles([recording, { name: 'no.txt', mimeType: 'text/plain', buffer: Buffer.from('text') }]);
        await page.waitForSelector('.result h2');
        await page.waitForSelector('.state.bad');
        assert.match(await page.locator('#announcer').innerText(), /no\.txt: /);
        await tabTo(page, '.controls .round');
        await page.keyboard.press('Space');
        await page.waitForSelector('button[aria-label="Pause"]');
        await page.keyboard.press('Space');
        await tabTo(page, '.controls input');
        await page.keyboard.press('Home');
        await page.keyboard.press('ArrowRight');
        assert.is(await page.locator('.controls input').inputValue(), '0.05');
        await page.locator('#min-score').fill('0.2');
        await tabTo(page, 'tbody button');
        await page.keyboard.press('ArrowDown');
        const second = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
        assert.is(second, await page.locator('tbody button').nth(1).getAttribute('aria-label'));
        await page.keyboard.press('Enter');
        await page.waitForSelector('button[aria-label="Pause"]');
        await tabTo(page, '[aria-labelledby="feedback-title"] button');
        await page.keyboard.press('Enter');
        await page.waitForSelector('text=Thank you');
        assert.is(await trueLabel(management, recording.name), (await directAnswer(url)).top_label);
        assert.equal(problems, []);
      }),
    ));

  test('the least score decides what is shown, without another request', () =>
    withBirds(({ url }) =>
      withPage({}, async ({ page, problems }) => {
        let uploads = 0;
        page.on('request', (request) => {
          if (request.method() === 'POST') uploads++;
        });
        await page.goto(`${url}/app/`);
        await page.setInputFiles('#files', recording);
        await page.waitForSelector('.result h2');
        for (const score of [0, 0.2, 0.3, 1]) {
          await page.locator('#min-score').fill(String(score));
          const { detections } = await directAnswer(url, `min_score=${score}`);
          assert.is(await page.locator('.box').count(), detections.length, `at ${score}`);
        }
        assert.is(uploads, 1);
        assert.equal(problems, []);
      }),
    ));

  test('the microphone is recorded, and one that is refused says what to do', () =>
    withBirds(async ({ url }) => {
      await withPage({ permissions: ['microphone'] }, async ({ page, problems }) => {
        await page.goto(`${url}/app/`);
        await page.click('text="Record"');
        await page.waitForFunction(
          () => Number.parseFloat(document.querySelector('#recorded')?.textContent?.slice(2) ?? '') > 1,
        );
        // The browser's own test sound beeps once a second.
        await page.waitForFunction(() => (document.querySelector<HTMLMeterElement>('#level')?.value ?? 0) > 0);
        await page.click('text="Stop and listen"');
        await page.waitForSelector('.result h2');
        assert.match(
          await page.locator('.verdict .file').innerText(),
          /^recording_\d{8}_\d{6}\.wav · 0:\d\d\.\d, recorded 20/,
        );
        assert.equal(problems, []);
      });
      await withPage({}, async ({ page }) => {
        await page.goto(`${url}/app/`);
        await page.click('text="Record"');
        await page.waitForSelector('text=The microphone is not allowed for this page');
      });
    }));

  test('live sound is predicted clip by clip', () =>
    withLivePage('', async (page) => {
      await page.waitForSelector('text=Listening with birds, in clips of 1 s');
      await page.waitForFunction(() => document.querySelectorAll('.live-clips > li').length >= 3);
      assert.match(
        await page.locator('.live-clips > li').first().innerText(),
        /^0:0\d\.\d – 0:0\d\.\d\s+(wren|robin|siskin) \d/,
      );
      await page.click('text="Stop listening"');
      await page.waitForSelector('text=/^Ended after 0:0/');
      assert.equal(await accessibilityProblems(page), []);
    }));

  test('sound under way when listening stops is not sent after the end', () =>
    withLivePage(lateBlock, async (page) => {
      await page.waitForSelector('.live-clips > li');
      await page.click('text="Stop listening"');
      await page.waitForSelector('text=/^Ended after 0:/');
    }));

  test('listening that is stopped before any sound came says so', () =>
    withLivePage(noBlock, async (page) => {
      await page.waitForSelector('text=Listening with birds, in clips of 1 s');
      await page.click('text="Stop listening"');
      await page.waitForSelector('text="Ended before any sound came."');
      await page.click('text="Listen live"');
      await page.waitForSelector('text=Listening with birds, in clips of 1 s');
    }));

  test('a key is asked for where the service wants one, used, and forgotten with the tab', () =>
    withBirds(
      ({ url }) =>
        withPage({ permissions: ['microphone'] }, async ({ page }) => {
          await page.goto(`${url}/app/status/`);
          await page.fill('#key', 'wrong');
          await page.click('text="Use this key"');
          await page.waitForSelector('dialog #key');
          await page.fill('#key', 'sesame');
          await page.click('text="Use this key"');
          await page.waitForSelector('text=Knows 3 classes');
          await page.goto(`${url}/app/`);
          await page.setInputFiles('#files', recording);
          await page.waitForSelector('.result h2');
          await page.click('text="Listen live"');
          await page.waitForSelector('text=Listening with birds, in clips of 1 s');
          await page.waitForSelector('.live-clips > li');
          await page.click('text="Stop listening"');
          await page.waitForSelector('text=/^Ended after 0:0/');
          assert.is(await page.evaluate(() => document.cookie + JSON.stringify(localStorage)), '{}');
        }),
      [`service.auth.keys=[{name: listener, sha256: ${hash('sha256', 'sesame')}, roles: [predict, read]}]`],
    ));

  test('a drift service that does not respond is named, and the rest of the status is there', () =>
    withService(['service.web.drift_url=http://127.0.0.1:9'], ({ url }) =>
      withPage({}, async ({ page }) => {
        await page.goto(`${url}/app/status/`);
        await page.waitForSelector('text=The drift service at http://127.0.0.1:9 does not respond');
        await page.waitForSelector('text=Knows 2 classes');
        await page.waitForSelector('text=Ready: recordings can be sent');
      }),
    ));

  for (const colorScheme of schemes) {
    test(`every page passes axe in the ${colorScheme} and fits a phone, and nothing jumps`, () =>
      withBirds(({ url }) =>
        withPage({ colorScheme, viewport: { width: 360, height: 740 } }, async ({ page, problems }) => {
          const check = async (what: string) => {
            assert.equal(await accessibilityProblems(page), [], what);
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(overflow <= 0, `${what} is ${overflow} px too wide`);
          };
          await page.goto(`${url}/app/`);
          await page.waitForSelector('#limits:not(:empty)');
          await check('listen');
          await page.setInputFiles('#files', [
            recording,
            { name: 'no.txt', mimeType: 'text/plain', buffer: Buffer.from('x') },
          ]);
          await page.waitForSelector('.state.bad');
          await page.locator('#min-score').fill('0');
          await page.click('text="Wrong …"');
          await check('a result');
          await page.goto(`${url}/app/history/`);
          await page.waitForSelector('.entries li');
          await check('history');
          await page.goto(`${url}/app/status/`);
          await page.waitForSelector('.facts');
          await check('status');
          assert.ok((await layoutShift(page)) < 0.1);
          assert.equal(problems, []);
        }),
      ));
  }

  test.after(closeBrowser);
}

/** A page that has just been told to listen live, after `script` has run in it; nothing may go wrong there. */
async function withLivePage(script: string, use: (page: Page) => Promise<void>): Promise<void> {
  await withBirds(({ url }) =>
    withPage({ permissions: ['microphone'] }, async ({ page, problems }) => {
      await page.addInitScript({ content: script });
      await page.goto(`${url}/app/`);
      await page.click('text="Listen live"');
      await use(page);
      assert.equal(problems, []);
    }),
  );
}

async function drop(page: Page): Promise<void> {
  await page.evaluate(
    ([name, base64]) => {
      const bytes = Uint8Array.from(atob(base64 as string), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name as string, { type: 'audio/wav' }));
      document
        .querySelector('#drop')
        ?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    },
    [recording.name, wav.toString('base64')],
  );
}

/** Presses Tab until the focus is there; what it passes must show that it has it. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const { isThere, isSeen, what } = await page.evaluate((wanted) => {
      const focused = document.activeElement as HTMLElement;
      // The input for files is out of sight: the label that stands for it has the outline.
      const shown = focused.id === 'files' ? document.querySelector('label[for=files]') : focused;
      const { outlineStyle, outlineWidth } = getComputedStyle(shown as Element);
      const isSeen = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
      return { isThere: focused.matches(wanted), isSeen, what: focused.outerHTML.slice(0, 200) };
    }, selector);
    assert.ok(isSeen, `the focus is not to be seen on ${what}`);
    if (isThere) return;
  }
  assert.unreachable(`Tab does not get to ${selector}`);
}

interface DirectAnswer {
  readonly top_label: string | null;
  readonly detections: readonly { readonly start_s: number; readonly end_s: number }[];
}

async function directAnswer(url: string, query = ''): Promise<DirectAnswer> {
  const response = await fetch(`${url}/v1/predictions?${query}`, upload('application/json'));
  return ((await response.json()) as { predictions: DirectAnswer[] }).predictions[0] as DirectAnswer;
}

async function directText(url: string, accept: string): Promise<string> {
  return await (await fetch(`${url}/v1/predictions`, upload(accept))).text();
}

function upload(accept: string): RequestInit {
  const body = new FormData();
  body.append('audio', new Blob([wav]), recording.name);
  return { method: 'POST', headers: { accept }, body };
}

interface LogRow {
  readonly request_id: string;
  readonly true_label?: string | null;
}

async function trueLabel(
  management: RunningService['management'],
  fileName: string,
): Promise<string | null | undefined> {
  const response = await management.inject({ url: '/v1/log', query: { file_name: fileName } });
  const rows = response.json().predictions as LogRow[];
  return rows.find((row) => 'true_label' in row)?.true_label;
}

/** Sum of what moved without being asked to, as browsers score it. */
async function layoutShift(page: Page): Promise<number> {
  return await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const shifts = list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[];
          resolve(shifts.reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0));
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(0), 500);
      }),
  );
}

test.run();
