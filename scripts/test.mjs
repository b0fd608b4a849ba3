#!/usr/bin/env node
// `npm test`: all the set-up, then one process a test file, two at a time, and native/test. Plain Node until set up.
import { existsSync, rmSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { hasNativeTests, nativeTestPath } from './setup/addon.mjs';
import { root } from './setup/places.mjs';
import { duration, SetupError, say, totalTime } from './setup/report.mjs';
import { setUp } from './setup/steps.mjs';
import { findTests } from './test/discover.mjs';
import { closingLine, judgeNative, judgeTestFile } from './test/judge.mjs';
import { runLimited, timeLimit } from './test/runFile.mjs';

const HELP = `Usage: npm test -- [FILTER…] [--coverage] [--no-setup] [--dir FOLDER]

Sets everything up, then runs the test files whose path contains a FILTER (all without one; \`native/test\` is the C++ part).

  --coverage    measure coverage: a table at the end, coverage/lcov.info and coverage/index.html
  --no-setup    run the tests with what is built already
  --dir FOLDER  look for *.test.ts elsewhere than in test
`;
const AT_A_TIME = 2;
const NATIVE_LIMIT_S = 300;
const LONGEST_LINE = 2000;

const totals = { passed: 0, failed: 0, skipped: 0 };
const coverageDir = join(root, 'coverage');

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      coverage: { type: 'boolean', default: false },
      'no-setup': { type: 'boolean', default: false },
      dir: { type: 'string', default: join(root, 'test') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  if (!values['no-setup']) await setUp({ nativeTests: true });
  const folder = resolve(values.dir);
  const env = {};
  if (values.coverage) {
    rmSync(coverageDir, { recursive: true, force: true });
    env.NODE_V8_COVERAGE = join(coverageDir, 'tmp');
  }
  const files = findTests(folder, positionals);
  // Recipes train: they get the machine to themselves.
  const alone = files.filter((file) => relative(folder, file).startsWith(`recipes${sep}`));
  await runAll(
    files.filter((file) => !alone.includes(file)),
    AT_A_TIME,
    folder,
    env,
  );
  await runAll(alone, 1, folder, env);
  if (
    folder === join(root, 'test') &&
    (positionals.length === 0 || positionals.some((f) => 'native/test'.includes(f)))
  ) {
    await runNative();
  }
  if (values.coverage) await reportCoverage();
  if (totals.passed + totals.failed + totals.skipped === 0) {
    totals.failed += 1;
    say(`✗ no test file in ${folder}${positionals.length > 0 ? ` matches ${positionals.join(' ')}` : ''}`);
  }
} catch (error) {
  if (error.code?.startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
  totals.failed += 1;
  say(`✗ set-up: ${error instanceof SetupError ? error.message : error.stack}`);
}
say(`\nTook ${totalTime()}.`);
say(closingLine(totals));
process.exitCode = totals.failed > 0 ? 1 : 0;

async function runAll(files, atATime, folder, env) {
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const limitS = timeLimit(file);
      const result = await runLimited(process.execPath, ['--import', 'tsx', file], { limitS, cwd: root, env });
      count(relative(folder, file), judgeTestFile(result, limitS), result);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

async function runNative() {
  if (!existsSync(nativeTestPath)) {
    const why = hasNativeTests() ? 'it is not compiled: leave --no-setup out' : 'it has no sources';
    totals.skipped += 1;
    return say(`- native/test: skipped: ${why}`);
  }
  const result = await runLimited(nativeTestPath, [], { limitS: NATIVE_LIMIT_S, cwd: root });
  count('native/test', judgeNative(result, NATIVE_LIMIT_S), result);
}

function count(name, verdict, result) {
  for (const key of Object.keys(totals)) totals[key] += verdict[key];
  const took = duration(result.milliseconds);
  say(`${verdict.failed > 0 ? '✗' : '✓'} ${name}: ${closingLine(verdict)} (${took})`);
  for (const reason of verdict.skips) say(`    skipped: ${reason}`);
  for (const problem of verdict.problems) say(`    ${name} ${problem}`);
  if (verdict.failed > 0) say(result.output.trimEnd().split('\n').map(shown).join('\n'));
}

/** A line of a failing file's output; a comparison of whole configurations is cut where nobody reads on. */
function shown(line) {
  const cut = line.length - LONGEST_LINE;
  return `    | ${cut > 0 ? `${line.slice(0, LONGEST_LINE)} … (${cut} more characters)` : line}`;
}

async function reportCoverage() {
  const c8 = join(root, 'node_modules/c8/bin/c8.js');
  const args = [
    c8,
    'report',
    '--temp-directory',
    join(coverageDir, 'tmp'),
    '--reports-dir',
    coverageDir,
    '--exclude-after-remap',
  ];
  for (const folder of ['bindings', 'src', 'services']) args.push('--include', `${folder}/**`);
  for (const reporter of ['text', 'lcov']) args.push('--reporter', reporter);
  const result = await runLimited(process.execPath, args, { limitS: 300, cwd: root });
  say(result.output);
  if (result.code !== 0) {
    totals.failed += 1;
    say('✗ the coverage report could not be made');
  }
}
