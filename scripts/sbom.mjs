#!/usr/bin/env node
// `npm run sbom`: what autobird is made of, as a CycloneDX document: npm's packages, LibTorch's wheels, FFmpeg's libraries.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readJson, root } from './setup/places.mjs';
import { firstLine } from './setup/run.mjs';
import { platformOf, wheelsOf } from './setup/wheels.mjs';

const HELP = `Usage: npm run -s sbom -- [--output FILE]

Prints a CycloneDX 1.5 document: the npm packages of package-lock.json that are needed at run time, the wheels that LibTorch
is taken from (CPU or CUDA, as set up), and FFmpeg's libraries of this machine.
`;
const { values } = parseArgs({ options: { output: { type: 'string' }, help: { type: 'boolean', default: false } } });
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only'];
const npm = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
if (npm.status !== 0) {
  process.stderr.write(`npm ${args.join(' ')} failed:\n${npm.stderr}`);
  process.exit(1);
}
const document = JSON.parse(npm.stdout);
const self = readJson(join(root, 'package.json'));
// npm takes the name of the folder.
document.metadata.component = { ...document.metadata.component, name: self.name };
const native = [...libtorch(), ...ffmpeg()];
document.components.push(...native);
const own = document.dependencies.find(({ ref }) => ref === document.metadata.component['bom-ref']);
own.dependsOn.push(...native.map((component) => component['bom-ref']));
const text = `${JSON.stringify(document, null, 2)}\n`;
if (values.output === undefined) process.stdout.write(text);
else writeFileSync(values.output, text);

function libtorch() {
  const variant = readJson(join(root, 'build/libtorch.json'))?.variant ?? 'cpu';
  const platform = platformOf();
  return (platform === null ? [] : wheelsOf(platform, variant)).map(({ name, version, sha256 }) => ({
    'bom-ref': `pkg:pypi/${name}@${version}`,
    type: 'library',
    name,
    version,
    scope: 'required',
    purl: `pkg:pypi/${name}@${version}`,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses:
      name === 'torch' ? [{ license: { id: 'BSD-3-Clause' } }] : [{ license: { name: 'NVIDIA Proprietary Software' } }],
  }));
}

/** Linked dynamically where they are: of this machine, and optional. */
function ffmpeg() {
  return ['libavformat', 'libavcodec', 'libavutil', 'libswresample'].flatMap((name) => {
    const version = firstLine('pkg-config', ['--modversion', name]);
    if (!version) return [];
    const ref = `pkg:generic/ffmpeg/${name}@${version}`;
    return [
      {
        'bom-ref': ref,
        type: 'library',
        name,
        version,
        scope: 'optional',
        purl: ref,
        licenses: [{ license: { id: 'LGPL-2.1-or-later' } }],
      },
    ];
  });
}
