import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { displayWidth } from '../../src/formats/displayWidth.ts';
import { packageVersion } from '../../src/packageRoot.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const commands = [
  'prepare',
  'train',
  'crossval',
  'evaluate',
  'predict',
  'serve',
  'key',
  'drift',
  'runs',
  'data',
  'config',
];

test('the help text lists the commands that there are, in the order of the work', async () => {
  const { code, stdout } = await runCommand(['--help'], { columns: 100 });
  assert.is(code, 0);
  const listed = Array.from(stdout.matchAll(/^ {2}autobird (\w+)/gm), ([, name]) => name);
  assert.equal(listed, ['setup', 'doctor', ...commands]);
  const files = readdirSync(new URL('../../src/cli/commands/', import.meta.url));
  assert.is(files.length, commands.length + 1, 'a file a command, and one for the two scripts');
});

test('every help text fits the terminal and says what the command is for', async () => {
  for (const columns of [80, 120]) {
    for (const name of commands) {
      const { code, stdout } = await runCommand([name, '--help'], { columns });
      assert.is(code, 0);
      assert.match(stdout, `autobird ${name}`);
      assert.match(stdout, 'Examples:');
      assert.not.match(stdout, '[]');
      for (const line of stdout.split('\n')) assert.ok(displayWidth(line) <= columns, line);
    }
  }
});

test('the version is that of the package', async () => {
  assert.equal(await runCommand(['--version']), { code: 0, stdout: `${packageVersion()}\n`, stderr: '' });
});

test('wrong usage ends with 2, one clear message and the nearest name', async () => {
  const cases: [string[], RegExp][] = [
    [[], /^autobird: Expected a command\nSee autobird --help\.\n$/],
    [['predct', 'a.wav'], /There is no command predct\. Did you mean predict\?/],
    [['xyzzy'], /There is no command xyzzy/],
    [['train', '--epohcs', '3'], /Unknown option --epohcs: did you mean --epochs\?\nSee autobird train --help\./],
    [['train', '--epochs'], /Not enough arguments following: epochs/],
    [['train', '--epochs', '1', '--epochs', '2'], /Expected --epochs once but received it 2 times: 1, 2/],
    [['data'], /Expected autobird data <action> \[target\]/],
    [['data', 'shw'], /Choices: "show", "report", "synthesize"/],
    [['data', 'synthesize'], /Expected a folder: autobird data synthesize FOLDER/],
    [['predict'], /Expected recordings or folders/],
    [['predict', 'a.wav', '--format', 'xml'], /Choices: "table", "json"/],
    [['prepare'], /data\.raw_dir: must be given: data\.raw_dir=FOLDER/],
    [['prepare', 'a', 'b'], /Expected one folder but received 2: a, b/],
    [['config', 'check', 'optimizr.lr=3', 'training.epochs=x'], /2 mistakes[\s\S]*optimizer[\s\S]*training\.epochs/],
  ];
  for (const [words, message] of cases) {
    const { code, stdout, stderr } = await runCommand(words);
    assert.is(code, 2, words.join(' '));
    assert.is(stdout, '');
    assert.match(stderr, message);
    assert.not.match(stderr, / at .*\.ts:\d+/, 'no stack');
  }
});

test('a failure ends with 1 and says what to do, --debug adds where it came from', () =>
  withTempDir(async (dir) => {
    const words = ['train', `data.root=${dir}`, '--dataset', 'none'];
    const { code, stderr } = await runCommand(words);
    assert.is(code, 1);
    assert.match(stderr, /^autobird: There is no finished dataset in .*: run autobird prepare first\n$/);
    assert.match((await runCommand([...words, '--debug'])).stderr, / at .*\.ts:\d+/);
  }));

test('the configuration is shown as YAML and as JSON, with overrides in it', async () => {
  const shown = await runCommand(['config', 'show', 'optimizer.lr=0.125', 'data.name=here']);
  assert.is(shown.code, 0);
  assert.match(shown.stdout, /^ {2}lr: 0\.125$/m);
  const { stdout } = await runCommand(['config', 'show', 'optimizer.lr=0.125', 'data.name=here', '--json']);
  const json = JSON.parse(stdout);
  assert.is(json.optimizer.lr, 0.125);
  assert.is(json.data.name, 'here');
  assert.is((await runCommand(['config', 'check'])).stdout, 'The configuration is fine.\n');
});

test('a damaged file of one run hides no other run, and is named', () =>
  withTempDir(async (root) => {
    const state = {
      format_version: 1,
      config_hash: 'c',
      dataset_id: 'd',
      split_hash: 's',
      threads: null,
      finished: true,
    };
    for (const [i, name] of ['whole', 'report', 'metrics'].entries()) {
      const dir = join(root, name);
      await mkdir(dir);
      await writeFile(
        join(dir, 'run.json'),
        JSON.stringify({ ...state, created_at: `2026-05-0${i + 1}T00:00:00.000Z` }),
      );
    }
    const damaged = [join(root, 'metrics', 'metrics.jsonl'), join(root, 'report', 'report.json')];
    for (const path of damaged) await writeFile(path, '{"epoch":\n{}\n');
    const { code, stdout, stderr } = await runCommand(['runs', '--root', root]);
    assert.is(code, 0);
    assert.is(stdout.match(/finished, damaged/g)?.length, 2);
    assert.match(stdout, join(root, 'whole'));
    for (const path of damaged) assert.match(stderr, path);
    const listed = JSON.parse((await runCommand(['runs', '--root', root, '--json'])).stdout);
    assert.equal(
      listed.map((one: { damaged: string[] }) => one.damaged.length),
      [1, 1, 0],
    );
    const shown = await runCommand(['runs', 'show', join(root, 'metrics')]);
    assert.is(shown.code, 0);
    assert.match(shown.stderr, damaged[0] as string);
  }));

test('there are no runs where none were made', () =>
  withTempDir(async (dir) => {
    assert.match((await runCommand(['runs', '--root', dir])).stdout, /^No runs in /);
    assert.is((await runCommand(['runs', '--root', dir, '--json'])).stdout, '[]\n');
    const shown = await runCommand(['runs', 'show', dir]);
    assert.is(shown.code, 1);
    assert.match(shown.stderr, /is not a run/);
  }));

test.run();
