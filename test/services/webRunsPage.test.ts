// time-limit: 300
/** Training runs in a real browser, of a run that was really trained. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EpochRecord, type Report, Run, train } from '../../src/index.ts';
import { takeLock } from '../../src/lock.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { accessibilityProblems, closeBrowser, hasBrowser, withPage, withProxy } from '../helpers/withBrowser.ts';
import { withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

if (!hasBrowser) console.log('# skip: there is no Chromium here, the page of runs is not tried');
else browserTests();

function browserTests(): void {
  test('a run is listed, shown with its figures and read by keys, in both schemes and on a phone', () =>
    withTrainedRun(async (root, run) => {
      const report = (await run.report()) as Report;
      await withService([`service.web.runs_root=${root}`], ({ url: direct }) =>
        withProxy(direct, async (url) => {
          for (const colorScheme of ['light', 'dark'] as const) {
            await withPage({ colorScheme, viewport: { width: 360, height: 740 } }, async ({ page, problems }) => {
              await page.goto(`${url}/app/`);
              await page.click('nav >> text="Runs"');
              await page.waitForSelector('text=finished');
              const check = async (what: string) => {
                assert.equal(await accessibilityProblems(page), [], what);
                const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(overflow <= 0, `${what} is ${overflow} px too wide`);
              };
              await check('the list');
              await page.click('tbody a');
              await page.waitForSelector('.confusion');
              await check('a run');
              const tiles = await page.locator('.tile').allInnerTexts();
              const share = `${Math.round(100 * report.recordings.accuracy)}\u00a0%`;
              assert.ok(
                tiles.some((text) => text.includes(share) && text.includes('test recordings right')),
                tiles.join(),
              );
              assert.is(await page.locator('.plot canvas').count(), 3);
              await page.click('text="The same as a table"');
              assert.is(await page.locator('#epoch-table tbody tr').count(), (await run.metrics()).length);

              const [label = '', count = 0] = [
                report.recordings.confusion.labels[0],
                report.recordings.confusion.cells.find(([truth, called]) => truth === 0 && called === 0)?.[2],
              ];
              await page.locator('.matrix canvas').focus();
              await page.keyboard.press('ArrowDown');
              assert.match(
                await page.locator('.readout').innerText(),
                new RegExp(`^${label}: ${count} of \\d+ rightly called so`),
              );

              const names = () => page.locator('.classes tbody th').allInnerTexts();
              await page.click('.classes >> text="Class"');
              assert.equal(await names(), [...report.labels].sort());
              await page.click('.classes >> text="Class"');
              assert.equal(await names(), [...report.labels].sort().reverse());

              await page.click('text="The whole report"');
              await page.waitForSelector('h1');
              assert.match(page.url(), /\/birds\/v1\/runs\/.*\/report\.html$/);
              assert.equal(problems, []);
            });
          }
        }),
      );
    }));

  test('recordings for which no label could be predicted are counted, and have a column', () =>
    withTrainedRun(async (root, run) => {
      const path = join(run.dir, 'report.json');
      const report = JSON.parse(await readFile(path, 'utf8'));
      const { recordings } = report;
      recordings.items += 2;
      recordings.without_prediction = 2;
      recordings.confusion.cells.push([0, null, 2]);
      await writeFile(path, JSON.stringify(report));
      await withService([`service.web.runs_root=${root}`], ({ url }) =>
        withPage({}, async ({ page, problems }) => {
          await page.goto(`${url}/app/`);
          await page.click('nav >> text="Runs"');
          await page.click('tbody a');
          await page.waitForSelector(`text=No prediction for 2 of ${recordings.items} recordings`);
          await page.locator('.matrix canvas').focus();
          for (const _ of recordings.confusion.labels) await page.keyboard.press('ArrowRight');
          await page.keyboard.press('ArrowRight');
          assert.match(await page.locator('.readout').innerText(), /: 2 of \d+ with no prediction/);
          assert.match(await page.locator('.mistakes').innerText(), /had no prediction: 2 of/);
          assert.equal(problems, []);
        }),
      );
    }));

  test('a run that trains is followed: its curves grow by themselves', () =>
    withTrainedRun(async (root, finished) => {
      const run = new Run(join(root, '2026-01-01', '06-30-00'));
      await cp(finished.dir, run.dir, { recursive: true });
      for (const name of ['report.json', 'report.html']) await rm(join(run.dir, name));
      const epochs = await run.metrics();
      await run.resetMetrics(epochs.slice(0, 2));
      await run.writeState({ ...(await run.state()), finished: false });
      const lock = await takeLock(join(run.dir, 'run.lock'), { code: 'run_in_use', doing: 'a test' });
      await withService([`service.web.runs_root=${root}`], ({ url }) =>
        withPage({}, async ({ page, problems }) => {
          await page.goto(`${url}/app/runs/?run=2026-01-01~06-30-00`);
          await page.waitForSelector('text=training now');
          await page.waitForSelector('text=2 of 6');
          await run.appendMetrics(epochs[2] as EpochRecord);
          await page.waitForSelector('text=3 of 6');
          await page.click('text="The same as a table"');
          assert.is(await page.locator('#epoch-table tbody tr').count(), 3);
          await lock.release();
          await page.waitForSelector('text=stopped before its end');
          assert.equal(problems, []);
        }),
      );
    }));

  test.after(closeBrowser);
}

async function withTrainedRun(use: (root: string, run: Run) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const config = tinyConfig(dir);
    await prepareTones(dir, config);
    await use(config.run.root, await train({ config }));
  });
}

test.run();
