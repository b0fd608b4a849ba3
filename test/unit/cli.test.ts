import { readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemErrorSentence } from '../../src/cli/systemErrors.ts';
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
  'log',
  'jobs',
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
    [
      ['data', 'shw'],
      /Expected one of list, show, report, synthesize for action but received "shw" \(did you mean show\?\)/,
    ],
    [['data', 'list', 'x'], /did you mean autobird data show x\?/],
    [['config', 'shw'], /Expected show, check or overrides key=value but received shw \(did you mean show\?\)/],
    [
      ['train', '-m', 'optimizer.lr=1'],
      /Unknown option -m: autobird runs no sweeps\. Run the command once for each value/,
    ],
    [['crossval', '--multirun'], /Unknown option --multirun: autobird runs no sweeps/],
    [['train', '--cfg', 'job'], /Unknown option --cfg: autobird config show prints the configuration/],
    [['data', 'synthesize'], /Expected a folder: autobird data synthesize FOLDER/],
    [['predict'], /Expected recordings or folders/],
    [['predict', 'a.wav', '--format', 'ravn'], /Expected one of table, json.* for --format .*\(did you mean raven\?\)/],
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
  assert.is((await runCommand(['config', 'optimizer.lr=0.125', 'data.name=here'])).stdout, shown.stdout);
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
    assert.match(shown.stderr, /is not the folder of a run/);
  }));

test('a dataset, run or checkpoint that is not there is answered with those that are', () =>
  withTempDir(async (dir) => {
    const manifest = {
      format_version: 1,
      id: '0123456789abcdef',
      name: 'field',
      created_at: '2026-05-01T06:30:00.000Z',
      autobird_version: '0',
      raw_dir: 'x',
      sample_rate_hz: 16000,
      labels: ['wren'],
      no_event_labels: [],
      counts: { files: 3, recordings: 2, rejected: 1, duplicates: 0, sessions: 2, duration_s: 61 },
      columns: {},
      rejected: [],
      warnings: [],
    };
    const root = join(dir, 'data');
    for (const name of ['field', 'wood', 'broken', 'unfinished']) await mkdir(join(root, name), { recursive: true });
    for (const name of ['field', 'wood']) await writeFile(join(root, name, 'dataset.json'), JSON.stringify(manifest));
    await writeFile(join(root, 'broken', 'dataset.json'), '{');
    const configDir = join(dir, 'configs');
    await mkdir(join(configDir, 'data'), { recursive: true });
    await mkdir(join(configDir, 'run'));
    const builtIn = await readFile(new URL('../../configs/data/default.yaml', import.meta.url), 'utf8');
    await writeFile(join(configDir, 'data', 'default.yaml'), builtIn.replace('root: data', `root: ${root}`));
    await writeFile(join(configDir, 'run', 'default.yaml'), `root: ${join(dir, 'runs')}\nresume: auto\n`);
    const run = join(dir, 'runs', '2026-05-01', '06-30-00');
    await mkdir(run, { recursive: true });
    const state = { config_hash: 'c', dataset_id: 'd', split_hash: 's', threads: null, finished: true };
    await writeFile(
      join(run, 'run.json'),
      JSON.stringify({ format_version: 1, created_at: '2026-05-01T06:30:00.000Z', ...state }),
    );

    const listed = await runCommand(['data', `--config-dir=${configDir}`]);
    assert.is(listed.stderr.split('\n').length, 2, listed.stderr);
    assert.match(listed.stdout, /^DATASET[^\n]*\nfield +2 +1 +1:01 +16000 {2}2026-05-01 06:30\nwood /);
    assert.match(listed.stderr, join(root, 'broken'));
    const json = await runCommand(['data', '--json', `--config-dir=${configDir}`]);
    assert.equal(
      JSON.parse(json.stdout).map(({ name }: { name: string }) => name),
      ['field', 'wood'],
    );

    const cases: [string[], string][] = [
      [['data', 'show', 'wod'], 'did you mean wood?'],
      [['data', 'show', 'xyzzy12'], 'known are broken, field, wood'],
      [['train', '--dataset', 'feld'], 'did you mean field?'],
      [['crossval', '--dataset', 'feld'], 'did you mean field?'],
      [['drift', dir, '--reference', 'wod:train'], 'did you mean wood?'],
      [['drift', dir, '--reference', join(dir, 'nothing')], run],
      [['predict', configDir, '--checkpoint', join(dir, 'gone')], run],
      [['evaluate', join(dir, 'runs')], run],
      [['runs', 'show', join(dir, 'gone')], run],
    ];
    await writeFile(join(configDir, 'a.wav'), '');
    for (const [words, known] of cases) {
      const { code, stderr } = await runCommand([...words, `--config-dir=${configDir}`]);
      assert.is(code, 1, words.join(' '));
      assert.ok(stderr.includes(known), `${words.join(' ')}: ${stderr}`);
    }
  }));

test('what the operating system refuses is a sentence with the place, and says what to do', () =>
  withTempDir(async (dir) => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    const { code, stderr } = await runCommand(['runs', '--root', file]);
    assert.is(code, 1);
    assert.is(stderr, `autobird: A part of ${file} is a file where a folder is expected: check the name\n`);
    const cases: [Partial<NodeJS.ErrnoException> & { address?: string; port?: number }, RegExp][] = [
      [{ code: 'ENOENT', path: '/a/b' }, /^There is no \/a\/b: check the name$/],
      [{ code: 'EACCES', path: '/a/b' }, /may not read or write \/a\/b: check its permissions/],
      [
        { code: 'EADDRINUSE', address: '127.0.0.1', port: 80 },
        /^Another program is at 127\.0\.0\.1:80: choose another port/,
      ],
      [{ code: 'ENOSPC' }, /^The disk is full at what write needs: make room/],
    ];
    for (const [facts, sentence] of cases) {
      assert.match(systemErrorSentence(Object.assign(new Error('raw'), { syscall: 'write' }, facts)) ?? '', sentence);
    }
    assert.is(systemErrorSentence(new Error('another')), undefined);
  }));

test.run();
