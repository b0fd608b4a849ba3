#!/usr/bin/env node
// `npm run quickstart`: all the set-up, then the whole way on a small synthetic set: prepare, train, evaluate, predict.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findRecordings } from './quickstart/recordings.mjs';
import { addonRecord } from './setup/addon.mjs';
import { hashOf } from './setup/inputs.mjs';
import { readJson, root } from './setup/places.mjs';
import { duration, SetupError, say, totalTime } from './setup/report.mjs';
import { setUp } from './setup/steps.mjs';

const HELP = `Usage: npm run quickstart [-- --fresh]

Sets autobird up, then makes a synthetic set of bird sounds, prepares it, trains, evaluates and predicts. All of it is in
the folder quickstart; what is done already is skipped, so it can be interrupted and repeated.

  --fresh  start over (the set-up stays)
`;

// Relative to the package, where the commands run: so they are shown as a user would type them.
const folder = 'quickstart';
const doneFile = join(root, folder, 'done.json');
const recordings = `${folder}/recordings`;
const audio = `${recordings}/audio`;
const DATA = `data.root=${folder}/data`;

try {
  const { values } = parseArgs({
    options: { fresh: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  await setUp();
  if (values.fresh) rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  await wholeWay();
} catch (error) {
  if (error.code?.startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
  process.stderr.write(`✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exit(1);
}

async function wholeWay() {
  await step('synthesize', ['data', 'synthesize', recordings], recordings);
  const table = `${recordings}/metadata.csv`;
  await step(
    'prepare',
    ['prepare', audio, '--metadata', table, '--name', 'quickstart', DATA],
    `${folder}/data/quickstart`,
  );
  const runs = `run.root=${folder}/runs`;
  const words = ['train', '--json', '--dataset', 'quickstart', 'experiment=quickstart', DATA, runs];
  const trained = await step('train', words, null, (output) => JSON.parse(output).checkpoint);
  const { run, checkpoint, test } = JSON.parse(trained);
  await step('evaluate', ['evaluate', run, DATA]);
  const some = findRecordings(join(root, audio), 3).map((file) => relative(root, file));
  await step('predict', ['predict', ...some, '--checkpoint', checkpoint]);
  const figure = test ? `${(100 * test.accuracy).toFixed(1)} % of the test recordings right` : 'trained';
  say(`\nDone in ${totalTime()}: ${figure}. Look at ${relative(process.cwd(), resolve(root, run, 'report.html'))}`);
}

/**
 * One command of autobird, its words shown as a user would type them. It is skipped, and its output shown again, when it
 * has run with the same words and the same code, and what it made (`product`, or what `productOf` reads in its output) is
 * still there.
 */
async function step(name, words, product = null, productOf = () => product) {
  const key = hashOf(['configs', 'dist/inputs.sha256'], [words, readJson(addonRecord)?.hash?.addons]);
  const done = readJson(doneFile) ?? {};
  const before = done[name];
  const begun = performance.now();
  say(`\n$ autobird ${words.join(' ')}`);
  if (before?.key === key && (before.product === null || existsSync(resolve(root, before.product)))) {
    process.stdout.write(before.output);
    say(`✓ ${name}: was done (it took ${before.took})`);
    return before.output;
  }
  const output = await autobird(words);
  const took = duration(performance.now() - begun);
  // Steps after this one build on it.
  const order = ['synthesize', 'prepare', 'train', 'evaluate', 'predict'];
  for (const later of order.slice(order.indexOf(name))) delete done[later];
  done[name] = { key, product: productOf(output), took, output };
  writeFileSync(`${doneFile}.part`, JSON.stringify(done, null, 2));
  renameSync(`${doneFile}.part`, doneFile);
  say(`✓ ${name} (${took})`);
  return output;
}

function autobird(words) {
  return new Promise((resolve, reject) => {
    const main = join(root, 'bin/autobird.mjs');
    const child = spawn(process.execPath, [main, ...words], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(output);
      reject(
        new SetupError(
          `autobird ${words[0]} ended with ${signal ?? `exit code ${code}`}. Run the same command again to go on.`,
        ),
      );
    });
  });
}
