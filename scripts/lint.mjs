#!/usr/bin/env node
// `npm run lint`: every check that reads sources. Each counts as one passed or failed; what cannot run here is skipped visibly.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { filesOf } from './check-imports.mjs';
import { libtorchRecord, readJson, root } from './setup/places.mjs';
import { duration, say } from './setup/report.mjs';
import { firstLine } from './setup/run.mjs';
import { closingLine } from './test/judge.mjs';

const totals = { passed: 0, failed: 0, skipped: 0 };
const cpp = filesOf('native', ['.cc', '.h']);

if (process.argv.includes('--fix-native')) {
  spawnSync('clang-format', ['-i', ...cpp], { cwd: root, stdio: 'inherit' });
  process.exit();
}

check('biome', process.execPath, [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '.']);
const tsc = join(root, 'node_modules/typescript/bin/tsc');
check('types', process.execPath, [tsc, '--noEmit']);
// Browsers have other globals than Node.
check('types of the web page', process.execPath, [tsc, '--noEmit', '-p', 'services/web']);
check('types of its tests', process.execPath, [tsc, '--noEmit', '-p', 'test/tsconfig.browser.json']);
check('direction and circles of imports', process.execPath, ['scripts/check-imports.mjs']);
check('face of the addons', process.execPath, ['scripts/check-face.mjs']);
check('names that a unity build hides', process.execPath, ['scripts/check-native.mjs']);
if (cpp.length === 0) fail('clang-format', 'found no C++ file');
else if (firstLine('clang-format'))
  check(`clang-format of ${cpp.length} files`, 'clang-format', ['--dry-run', '-Werror', ...cpp]);
else skip('clang-format', 'it is not installed (apt-get install -y clang-format)');
// clang-tidy reads ATen's headers for each file, which takes minutes: only when asked for.
if (process.argv.includes('--tidy')) {
  const units = cpp.filter((path) => path.endsWith('.cc'));
  const options = [`-DLIBTORCH=${readJson(libtorchRecord)?.path}`, '-DCMAKE_UNITY_BUILD=OFF'];
  check('commands for clang-tidy', 'cmake', ['-S', '.', '-B', 'build/tidy', ...options]);
  check(`clang-tidy of ${units.length} files`, 'clang-tidy', ['-p', 'build/tidy', '--quiet', ...units]);
}
say(closingLine(totals));
process.exitCode = totals.failed > 0 ? 1 : 0;

function check(name, command, args) {
  const begun = performance.now();
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  const took = duration(performance.now() - begun);
  if (result.status === 0) {
    totals.passed += 1;
    return say(`✓ ${name} (${took})`);
  }
  fail(`${name} (${took})`, `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim());
}

function fail(name, why) {
  totals.failed += 1;
  say(`✗ ${name}\n${why.replace(/^/gm, '    | ')}`);
}

function skip(name, why) {
  totals.skipped += 1;
  say(`- ${name}: skipped: ${why}`);
}
