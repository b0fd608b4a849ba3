// time-limit: 600
/** The commands before and after the set-up, and autobird as others install it: from a tarball, in every module system. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../bindings/places.ts';
import { chirpWav, writeTinyModel } from './helpers/tinyModel.ts';
import { withTempDir } from './helpers/withTempDir.ts';

const root = packageRoot();
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in `cwd`, with an npm cache of its own where `cache` names one. */
async function run(cwd: string, words: readonly string[], cache?: string): Promise<Result> {
  const [command = '', ...args] = words;
  const env = { ...process.env, ...(cache !== undefined && { npm_config_cache: cache }) };
  const options = { cwd, env, maxBuffer: 16 << 20 };
  return await promisify(execFile)(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

/** {@link run} of a program that must end well; resolves with what it printed. */
async function output(cwd: string, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, words);
  assert.is(code, 0, `${words.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

test('npx autobird says what to run before the set-up, and runs after it and after every rebuild', () =>
  withTempDir(async (dir) => {
    const clone = join(dir, 'clone');
    const sources = ['bindings', 'src', 'services', 'configs', 'tsconfig.json', 'tsconfig.build.json'];
    for (const name of ['package.json', 'package-lock.json', '.npmrc', 'bin', 'scripts', ...sources]) {
      await cp(join(root, name), join(clone, name), { recursive: true });
    }
    const npx = (...words: string[]) => run(clone, ['npx', ...words], join(dir, 'npm'));
    for (const command of ['autobird', 'autobird-train']) {
      const { code, stderr } = await npx(command, 'model=default');
      assert.is(code, 1);
      assert.match(stderr, `autobird: ${clone} is not set up: run \`npm run setup\` there first.\n`);
    }
    assert.match((await npx('autobird', 'setup', '--help')).stdout, /^Usage: autobird setup/);
    const { stdout } = await npx('autobird', 'doctor');
    assert.match(stdout, /✗ npm packages +not installed/);

    await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
    const setUp = await npx('autobird', 'setup', '--only', 'dist');
    assert.match(setUp.stdout, /compiled/, setUp.stderr);
    const removed = join(clone, 'dist/src/removed.js');
    await writeFile(removed, '// compiled from a file that is gone');
    await rm(join(clone, 'dist/inputs.sha256'));
    await npx('autobird', 'setup', '--only', 'dist');
    assert.not.ok(existsSync(removed));
    assert.is((await npx('autobird', '--version')).stdout, `${manifest.version}\n`);
    assert.match((await npx('autobird-train', '--help')).stdout, /^autobird train/);
  }));

const PROGRAMS = {
  'esm.mjs': `import { Classifier } from 'autobird';
    import * as service from 'autobird/service';
    import manifest from 'autobird/package.json' with { type: 'json' };
    console.log(typeof Classifier.open, Object.keys(service).length > 0, manifest.version);`,
  'cjs.cjs': `const { Classifier } = require('autobird');
    const service = require('autobird/service');
    console.log(typeof Classifier.open, Object.keys(service).length > 0, require('autobird/package.json').version);`,
};

const TYPED = {
  'typed.mts': `import { Classifier, type Detection } from 'autobird';
    import manifest from 'autobird/package.json' with { type: 'json' };
    export async function detect(run: string, file: string): Promise<readonly Detection[]> {
      using classifier = await Classifier.open(run);
      const { detections } = await classifier.predictFile(file);
      return detections;
    }
    export const version: string = manifest.version;
    // @ts-expect-error: the types are there, and refuse this
    export const wrong: string = Classifier.open;`,
  'typed.cts': `import autobird = require('autobird');
    export const open: typeof autobird.Classifier.open = autobird.Classifier.open;`,
};

test('an installed tarball is set up, imported, required and compiled against, and predicts', () =>
  withTempDir(async (dir) => {
    await output(root, ['npm', 'pack', '--silent', '--pack-destination', dir]);
    const project = join(dir, 'project');
    await cp(join(root, '.npmrc'), join(project, '.npmrc'));
    await writeFile(join(project, 'package.json'), '{ "name": "birds", "private": true }');
    const tarball = `../autobird-${manifest.version}.tgz`;
    const installed = await run(project, ['npm', 'install', '--prefer-offline', tarball]);
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(installed.stderr)) {
      return console.log('# skip: npm reaches no registry, the package is not installed');
    }
    assert.is(installed.code, 0, installed.stderr);

    await writeFile(join(project, 'chirp.wav'), chirpWav(3));
    const checkpoint = await writeTinyModel(join(project, 'tiny.safetensors'));
    const predict = ['npx', 'autobird', 'predict', 'chirp.wav', '--checkpoint', checkpoint];
    assert.match((await run(project, predict)).stderr, /Run `npx autobird setup`/);
    assert.match(await output(project, ['npx', 'autobird', 'setup']), /✓ addon: copied from /);
    // npm ci removes what was set up.
    await output(project, ['npm', 'ci', '--prefer-offline']);
    assert.match(await output(project, ['npx', 'autobird', 'setup']), /✓ addon: copied from /);
    assert.match(await output(project, predict), 'chirp.wav');

    for (const [name, text] of Object.entries({ ...PROGRAMS, ...TYPED })) await writeFile(join(project, name), text);
    for (const name of Object.keys(PROGRAMS)) {
      assert.is(await output(project, ['node', name]), `function true ${manifest.version}\n`, name);
    }
    const types = join(root, 'node_modules/@types');
    const strict = '--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --target es2023'.split(
      ' ',
    );
    const tsc = [
      'node',
      join(root, 'node_modules/typescript/bin/tsc'),
      ...strict,
      '--typeRoots',
      types,
      '--types',
      'node',
    ];
    const lib = ['--lib', 'es2023,esnext.disposable', '--resolveJsonModule'];
    await output(project, [...tsc, ...lib, '--module', 'nodenext', 'typed.mts', 'typed.cts']);
    await output(project, [...tsc, ...lib, '--module', 'esnext', '--moduleResolution', 'bundler', 'typed.mts']);

    await cp(join(project, 'node_modules/autobird/examples/predict.ts'), join(project, 'predict.mts'));
    const tsx = import.meta.resolve('tsx');
    assert.match(
      await output(project, ['node', '--import', tsx, 'predict.mts', checkpoint, 'chirp.wav']),
      /^chirp\.wav: /,
    );
  }));

test.run();
