/** What is published of a training (checkpoints, reports, the configuration) says nothing of a service and of nobody's folders. */
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { readSafetensorsHeader, readTensors, writeSafetensors } from '../../src/safetensors.ts';
import { train } from '../../src/training/train.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const sha256 = 'ab'.repeat(32);
const service = [
  'service.host=secret.host.example',
  'service.models=[{name: secretmodel, checkpoint: /secret/models/a.safetensors}]',
  'service.models_dir=/secret/models',
  'service.log.path=/secret/predictions.db',
  `service.log.postgres.url='postgresql://secretuser:${'secretword'}@secret.example/log'`,
  "service.tracing.otlp_endpoint='http://secret.example:4318'",
  'service.jobs.dir=/secret/jobs',
  'service.management.host=secret.management.example',
  'service.web.runs_root=/secret/runs',
  "service.web.drift_url='https://secret.example/drift'",
  `service.auth.keys=[{name: secretclient, sha256: ${sha256}, roles: [predict]}]`,
  'service.auth.keys_file=/secret/keys',
  "service.auth.jwt.jwks='https://secret.example/jwks'",
  "service.auth.jwt.issuer='https://secret.example'",
  'service.auth.jwt.audience=secretaudience',
  "service.cors.origins=['https://secret.example']",
  'service.trust_proxy=[10.1.2.3]',
];

/** Every file of a run but its log, which is for whoever trained. */
async function assertNothingPrivate(folder: string, ...more: string[]): Promise<void> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map(({ name }) => name);
  assert.ok(
    ['best.safetensors', 'report.json', 'report.html', 'model_card.md'].every((name) => names.includes(name)),
    names.join(),
  );
  for (const { parentPath, name } of files) {
    if (name === 'train.log') continue;
    const text = (await readFile(join(parentPath, name))).toString('latin1');
    for (const word of ['secret', sha256, sha256.slice(0, 16), '10.1.2.3', homedir(), ...more]) {
      const at = text.indexOf(word);
      assert.is(at, -1, `${name} says ${text.slice(Math.max(0, at - 80), at + 80)}`);
    }
  }
}

test('a run keeps no setting of a service and no absolute path', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1', ...service);
    const { rawDir } = (await prepareTones(dir, config, 5)).manifest;
    const overrides = [`data.raw_dir='${rawDir}'`, `data.metadata=['${dir}/a.csv']`, 'training.epochs=1', ...service];
    const run = await train({ config, overrides });
    await assertNothingPrivate(run.dir, rawDir, basename(dir));
    const kept = await readFile(join(run.dir, '.hydra', 'overrides.yaml'), 'utf8');
    assert.match(kept, 'training.epochs=1');
    assert.match(kept, 'data.raw_dir=???');
  }));

test('a checkpoint of before, which has all of that, is read, judged and saved again without it', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1');
    const dataset = await prepareTones(dir, config, 5);
    const run = await train({ config });
    const best = run.bestCheckpoint;
    const header = await readSafetensorsHeader(best);
    const metadata = JSON.parse(header.metadata['autobird'] as string);
    Object.assign(metadata.config, { service: { host: 'secret.host.example' } });
    Object.assign(metadata.config.data, { raw_dir: '/secret/recordings', metadata: ['/secret/a.csv'] });
    const old = join(dir, 'old', 'old.safetensors');
    await mkdir(join(dir, 'old'));
    const { format = '', format_version = '', payload_sha256 = '' } = header.metadata;
    const tensors = await readTensors(best, header.tensors);
    const autobird = JSON.stringify(metadata);
    await writeSafetensors(old, tensors, { format, format_version, payload_sha256, autobird });
    assert.match((await readFile(old)).toString('latin1'), 'secret.host.example');

    const checkpoint = await readCheckpoint(old);
    assert.is((checkpoint.metadata.config['data'] as { raw_dir: string }).raw_dir, '???');
    const outputDir = join(dir, 'report');
    await rename(join(dir, 'raw'), join(dir, 'elsewhere'));
    await evaluate({ checkpoint, dataset, split: await dataset.makeSplit(config.split), outputDir });
    await writeCheckpoint(join(outputDir, 'best.safetensors'), checkpoint);
    await assertNothingPrivate(outputDir, basename(dir));
  }));

test.run();
