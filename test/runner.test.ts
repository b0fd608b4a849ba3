import { execFile, spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withTempDir } from './helpers/withTempDir.ts';

const UVU = `import { test } from '${import.meta.resolve('uvu')}';`;
const PASSING = `${UVU} test('one', () => {}); test('two', () => {}); test.run();`;

interface Result {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly output: string;
}

/** Runs the runner on a folder of the given test files. */
async function runner(files: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Result> {
  let result: Result | undefined;
  await withTempDir(async (dir) => {
    for (const [name, source] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), source);
    }
    result = await new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        ['scripts/test.mjs', '--no-setup', '--dir', dir, ...args],
        (_error, stdout) => resolve({ code: child.exitCode, lines: stdout.trimEnd().split('\n'), output: stdout }),
      );
    });
  });
  assert.ok(result);
  return result;
}

test('passing files end in the plain closing line and exit code 0', async () => {
  const { code, lines } = await runner({ 'a.test.ts': PASSING, 'unit/b.test.ts': PASSING });
  assert.is(lines.at(-1), '4 passed, 0 failed');
  assert.is(code, 0);
});

test('a failing test is printed in full and makes the exit code 1', async () => {
  const { code, lines, output } = await runner({
    'a.test.ts': `${UVU} test('adds up', () => { throw new Error('two is not three'); }); test('fine', () => {}); test.run();`,
  });
  assert.is(lines.at(-1), '1 passed, 1 failed');
  assert.is(code, 1);
  assert.match(output, 'two is not three');
});

test('a file that crashes natively fails, even after its tests passed', async () => {
  const { code, lines, output } = await runner({
    'crash.test.ts': `${PASSING} process.on('exit', () => process.kill(process.pid, 'SIGSEGV'));`,
    'early.test.ts': `process.abort();`,
  });
  assert.is(lines.at(-1), '2 passed, 2 failed');
  assert.is(code, 1);
  assert.match(output, 'crashed with SIGSEGV after its tests');
  assert.match(output, 'crashed with SIGABRT');
});

test('a file that hangs is stopped at its time limit, with all that it started', async () => {
  const { code, lines, output } = await runner({
    'hang.test.ts': `// time-limit: 2
      import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['321']);
      console.log('child', child.pid);
      setInterval(() => {}, 1000);`,
  });
  assert.is(lines.at(-1), '0 passed, 1 failed');
  assert.is(code, 1);
  assert.match(output, 'stopped after its time limit of 2 s');
  const pid = Number(/child (\d+)/.exec(output)?.[1]);
  assert.ok(pid > 0);
  // Gone, or a zombie where nobody collects orphans.
  assert.not.match(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout, /^[RSD]/);
});

test('a file that leaves a process behind does not hold the runner up', async () => {
  const { lines } = await runner({
    'orphan.test.ts': `import { spawn } from 'node:child_process'; spawn('sleep', ['321'], { stdio: 'inherit' }).unref(); ${PASSING}`,
  });
  assert.is(lines.at(-1), '2 passed, 0 failed');
});

test('a file without a summary, a file without tests and no files at all are failures', async () => {
  const silent = await runner({ 'a.test.ts': `${UVU} test('never run', () => {});` });
  assert.is(silent.lines.at(-1), '0 passed, 1 failed');
  assert.match(silent.output, 'did it call test.run()?');
  const empty = await runner({ 'a.test.ts': `${UVU} test.run();` });
  assert.is(empty.lines.at(-1), '0 passed, 1 failed');
  assert.match(empty.output, 'ran no test');
  const none = await runner({ 'a.test.ts': PASSING }, ['no-such-file']);
  assert.is(none.lines.at(-1), '0 passed, 1 failed');
  assert.is(none.code, 1);
});

test('a before hook that throws counts every test as failed', async () => {
  const { lines, code } = await runner({
    'a.test.ts': `${UVU} test.before(() => { throw new Error('no'); }); test('one', () => {}); test.run();`,
  });
  assert.is(lines.at(-1), '0 passed, 1 failed');
  assert.is(code, 1);
});

test('skips are counted and show their reasons', async () => {
  const { lines, output, code } = await runner({
    'a.test.ts': `${UVU} test('one', () => {}); console.log('# skip: there is no GPU here'); test.run();`,
  });
  assert.is(lines.at(-1), '1 passed, 0 failed, 1 skipped');
  assert.match(output, 'skipped: there is no GPU here');
  assert.is(code, 0);
});

test('what needs a tool that is not there is skipped visibly, file by file, and nothing fails', async () => {
  await withTempDir(async (dir) => {
    // A PATH without Chromium, PostgreSQL, promtool and ffmpeg.
    await symlink(process.execPath, join(dir, 'node'));
    const files = ['webPage', 'webRunsPage', 'webRecordings', 'postgres', 'dashboards'].map(
      (name) => `services/${name}.`,
    );
    const options = { env: { ...process.env, PATH: dir }, maxBuffer: 1 << 24 };
    const words = ['scripts/test.mjs', '--no-setup', ...files];
    const { stdout } = await promisify(execFile)(process.execPath, words, options).catch((error) => error);
    assert.match(stdout.trimEnd().split('\n').at(-1), /^\d+ passed, 0 failed, \d+ skipped$/, stdout);
    assert.match(stdout, /✓ services\/webPage\.test\.ts: 0 passed, 0 failed, 1 skipped/);
    for (const tool of ['Chromium', 'PostgreSQL', 'promtool']) assert.match(stdout, new RegExp(`skipped: .*${tool}`));
  });
});

test('filters choose files by their path', async () => {
  const { lines } = await runner({ 'unit/split.test.ts': PASSING, 'unit/clips.test.ts': PASSING }, ['unit/split']);
  assert.is(lines.at(-1), '2 passed, 0 failed');
});

test.run();
