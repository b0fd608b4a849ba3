/** What README and docs tell people to type runs: every fenced block is run, or has its reason here. */
// time-limit: 300
import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { synthesize } from '../src/data/synthesize.ts';
import { findProgram } from './helpers/findProgram.ts';
import { runCommand } from './helpers/runCommand.ts';
import { chirpWav } from './helpers/tinyModel.ts';
import { withService } from './helpers/withService.ts';
import { withTempDir } from './helpers/withTempDir.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsx = import.meta.resolve('tsx');

interface Block {
  readonly file: string;
  readonly language: string;
  readonly text: string;
}

/** Lines that are not run, each pattern with how many lines it is of: a new one has to be counted. */
const notRun: readonly (readonly [RegExp, number, string])[] = [
  [/^sudo apt-get install/, 1, 'changes the machine; a script runs it on a bare one'],
  [/^npm (run quickstart|test|install)/, 3, 'the set-up itself, which has tests of its own'],
  [/autobird setup$/, 1, 'the set-up itself'],
  [
    /autobird serve /,
    8,
    'goes on until it is stopped (test/services/serve.test.ts); its configuration is checked here',
  ],
  [/autobird (log|jobs) /, 5, 'works on the files of a service (test/services)'],
  [
    /^(gcloud|for policy|done|docker|export DATABASE_URL|gdb|echo 'field)/,
    9,
    'needs a cloud, containers, a database or a debugger',
  ],
];

/** Blocks of languages that are not run, and how many there are. */
const otherLanguages = { '': 4, json: 1, sql: 1, js: 1, python: 1 };

async function blocks(): Promise<Block[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort();
  const found: Block[] = [];
  for (const file of ['README.md', ...docs.map((name) => `docs/${name}`)]) {
    const source = await readFile(join(root, file), 'utf8');
    for (const [, language = '', text = ''] of source.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm))
      found.push({ file, language, text });
  }
  return found;
}

/** Commands of a shell block, without comments, continued lines in one. */
function commandsOf({ text }: Block): string[] {
  const lines = text.replace(/\\\n\s*/g, ' ').split('\n');
  return lines.map((line) => line.replace(/(^|\s)# .*$/, '').trim()).filter((line) => line !== '');
}

const isShell = ({ language }: Block) => language === 'sh';

test('there are as many blocks of each kind as are looked at here', async () => {
  const all = await blocks();
  const counts: Record<string, number> = {};
  for (const { language } of all) counts[language] = (counts[language] ?? 0) + 1;
  assert.equal(counts, { sh: 20, ts: 2, yaml: 2, ...otherLanguages });
  const commands = all.filter(isShell).flatMap(commandsOf);
  for (const [pattern, count, why] of notRun) {
    const matching = commands.filter((line) => pattern.test(line));
    assert.is(matching.length, count, `${pattern} (${why}):\n${matching.join('\n')}`);
  }
});

test('every command and every program of the documents runs, in their order', () =>
  withTempDir(async (dir) => {
    const home = process.cwd();
    const { rawDir } = await synthesize(join(dir, 'invented'), { recordingsPerSpecies: 4 });
    const species = (await readdir(rawDir)).sort().slice(0, 3);
    for (const folder of ['recordings', 'birds', 'field', 'new']) {
      for (const name of species) {
        await mkdir(join(dir, folder, name), { recursive: true });
        for (const file of await readdir(join(rawDir, name))) {
          await copyFile(join(rawDir, name, file), join(dir, folder, name, file));
        }
      }
    }
    await writeFile(join(dir, 'dawn.mp3'), chirpWav(2)); // what it holds is decided by content
    process.chdir(dir);
    let ran = 0;
    const run = async (words: readonly string[], from: string) => {
      const { code, stdout, stderr } = await runCommand(words);
      const isExpected = code === 0 || (words.includes('--fail-on-drift') && code === 1);
      assert.ok(isExpected, `${from}: autobird ${words.join(' ')}\n${stdout}${stderr}`);
      ran += 1;
    };
    try {
      for (const block of await blocks()) {
        const { file, language, text } = block;
        if (language === 'yaml') await runYaml(dir, block, run);
        if (language === 'ts') {
          const path = join(dir, 'program.mts');
          const library = new URL('../src/index.ts', import.meta.url).href;
          await writeFile(path, text.replace("'autobird'", `'${library}'`).replace(/epochs: \d+/, 'epochs: 1'));
          const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', tsx, path], { encoding: 'utf8' });
          assert.is(status, 0, `${file}:\n${text}${stdout}${stderr}`);
          ran += 1;
        }
        if (language !== 'sh') continue;
        if (file === 'docs/drift.md') await run(['drift', 'field/', '-r', 'birds/', '--save', 'may.csv'], file);
        if (file === 'docs/drift.md') await copyFile('may.csv', 'april.csv');
        for (const line of commandsOf(block)) {
          const words = line.replace(/^npx /, '').replaceAll('~/', './').split(' ').slice(1);
          const [name = ''] = words;
          if (name === 'serve')
            await run(['config', 'check', ...words.slice(2).filter((word) => word.includes('='))], file);
          if (!/^(npx )?autobird /.test(line) || notRun.some(([pattern]) => pattern.test(line))) continue;
          const small = ['train', 'crossval'].includes(name) ? ['experiment=smoke', 'training.epochs=1'] : [];
          const isGiven = (word: string) => words.some((given) => given.startsWith(word.replace(/=.*/, '=')));
          await run(
            [
              ...words.filter((word) => !/^training\.epochs=/.test(word)),
              ...small.filter((word) => !isGiven(word) || word.startsWith('training')),
            ],
            file,
          );
          if (name === 'train') await nameRun(dir);
        }
      }
    } finally {
      process.chdir(home);
    }
    assert.is(ran, 27);
  }));

/** What each request of the documents gets, in their order. */
const replies: readonly (readonly [file: string, reply: RegExp])[] = [
  ['README.md', /^{.*"detections":/],
  ['docs/prediction-log.md', /^{"predictions":\[\],"next":null}$/],
  ['docs/prediction-log.md', /^id,[\s\S]*dawn\.mp3/],
  ['docs/prediction-log.md', /^time, audio_file, prediction\r?\n.*dawn\.mp3/],
  ['docs/prediction-log.md', /^PAR1/],
  ['docs/prediction-log.md', /^{"deleted":0/],
  ['docs/security.md', /^"\w+"$/],
  ['docs/serving.md', /^"\w+"$/],
  ['docs/serving.md', /dawn\.mp3.*dusk\.wav/],
  ['docs/serving.md', /^recording,duration_s,/],
  ['docs/serving.md', /^HTTP\/1\.1 202 /],
  ['docs/serving.md', /"status":"/],
  ['docs/serving.md', /"status":"succeeded"/],
  ['docs/serving.md', /night\.flac/],
  ['docs/serving.md', /^$/],
];

const hasCurl = findProgram('curl') !== undefined;
if (!hasCurl) console.log('# skip: there is no curl here, the requests of the documents are not made');

(hasCurl ? test : test.skip)('every request of the documents gets what they say', async () => {
  const requests = (await blocks()).filter(isShell).flatMap((block) =>
    commandsOf(block)
      .filter((line) => line.startsWith('curl '))
      .map((line) => ({ file: block.file, line })),
  );
  assert.equal(
    requests.map(({ file }) => file),
    replies.map(([file]) => file),
  );
  const { stdout: printed } = await runCommand(['key', 'field-station', '--role', 'predict', '--json']);
  const { key, sha256, roles } = JSON.parse(printed);
  const guarded = `service.auth.keys=[{name: field-station, sha256: ${sha256}, roles: [${roles}]}]`;
  await withService([], ({ url, dir, management }) =>
    withService([guarded], async ({ url: guardedUrl }) => {
      await management.listen({ host: '127.0.0.1', port: 0 });
      const places: Record<string, string> = {
        '127.0.0.1:8000': new URL(url).host,
        '127.0.0.1:8001': `127.0.0.1:${(management.server.address() as AddressInfo).port}`,
        'birds.example:8000': new URL(guardedUrl).host,
      };
      for (const name of ['dawn.mp3', 'dusk.wav', 'night.flac']) await writeFile(join(dir, name), chirpWav(2));
      let jobId = 'ID';
      for (const [index, { file, line }] of requests.entries()) {
        const command = line
          .replace(/^curl /, 'curl --silent --show-error --fail-with-body ')
          .replace(/[\w.]+:\d{4}/, (place) => places[place] ?? place)
          .replace(/\bID\b/, jobId);
        // The service runs in this process: nothing may hold it up meanwhile.
        const { stdout } = await promisify(execFile)('sh', ['-c', command], {
          cwd: dir,
          env: { ...process.env, KEY: key },
        });
        const [, saved] = / -o (\S+)/.exec(line) ?? [];
        const reply = saved === undefined ? stdout : await readFile(join(dir, saved), 'utf8');
        assert.match(reply, replies[index]?.[1] as RegExp, `${file}: ${line}\n${reply}`);
        jobId = /^location: \/v1\/jobs\/(\S+)/im.exec(reply)?.[1] ?? jobId;
      }
    }),
  );
});

/** The run that the documents speak of. */
async function nameRun(dir: string): Promise<void> {
  const { stdout } = await runCommand(['runs', '--json']);
  const [{ run }] = JSON.parse(stdout);
  const named = join(dir, 'runs/2026-05-01/06-30-00/checkpoints');
  await mkdir(named, { recursive: true });
  await copyFile(join(run, 'checkpoints/best.safetensors'), join(named, 'best.safetensors'));
}

/** A file that says its own name and command, or a part of the group `service`. */
async function runYaml(
  dir: string,
  { file, text }: Block,
  run: (words: readonly string[], from: string) => Promise<void>,
): Promise<void> {
  const [, path = 'mine/service/example.yaml', choice = 'service=example'] =
    /^# (\S+\.yaml):.* (\w+=\w+)/.exec(text) ?? [];
  await mkdir(dirname(join(dir, path)), { recursive: true });
  const defaults = text.includes('defaults:') ? '' : 'defaults:\n  - default\n  - _self_\n\n';
  await writeFile(join(dir, path), defaults + text);
  await run(['config', 'check', '--config-dir', 'mine', choice], file);
}

test.run();
