// What a unity build hides, because it compiles several files as one: two names of anonymous namespaces that are equal (they
// clash, or overload each other unnoticed), and includes that another file happens to have. The first is read from the sources
// (`npm run lint`); for the second every file is compiled alone, without making anything (`--alone`, about 90 s on two cores).
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf } from './check-imports.mjs';
import { libtorchRecord, readJson, root } from './setup/places.mjs';
import { closingLine } from './test/judge.mjs';

/** Folders whose files CMakeLists.txt may compile together. */
const TARGETS = [
  ['native/core/audio', 'native/core/features'],
  ['native/core', 'native/core/dataset', 'native/core/model', 'native/core/training'],
  ['native/addon'],
  ['native/audio'],
  ['native/test'],
];

// Declarations of clang-formatted code begin in the first column, those inside another begin later.
const DECLARATIONS = [
  /^(?:struct|class|union|enum class|enum) (\w+)/,
  /^using (\w+) =/,
  /^(?!using|struct|class|union|enum|namespace|template)[A-Za-z_][\w:<>,&*\s]*[\s&*](\w+)(?:\[\w*\])*(?:\(| = |\{|;|$)/,
];

/** Names that only this file should know: those in anonymous namespaces, and what is `static`. */
export function internalNames(source) {
  const names = new Set();
  let inside = false;
  for (const line of source.replace(/^__attribute__\(\(.*?\)\) /gm, '').split('\n')) {
    if (line === 'namespace {') inside = true;
    else if (line === '}  // namespace') inside = false;
    else if (inside || line.startsWith('static ')) {
      const name = DECLARATIONS.map((pattern) => pattern.exec(line)?.[1]).find(Boolean);
      if (name) names.add(name);
    }
  }
  return names;
}

/** A line for each name that two files of a target have: `files` are [path, source]. */
export function clashes(files) {
  const problems = [];
  for (const folders of TARGETS) {
    const owner = new Map();
    for (const [path, source] of files.filter(([path]) => folders.includes(path.slice(0, path.lastIndexOf('/'))))) {
      for (const name of internalNames(source)) {
        if (owner.has(name)) problems.push(`${name} is in ${owner.get(name)} and in ${path}: rename one`);
        else owner.set(name, path);
      }
    }
  }
  return problems;
}

function checkNames() {
  const files = filesOf('native', ['.cc']).map((path) => [path, readFileSync(join(root, path), 'utf8')]);
  const problems = clashes(files);
  const names = files.reduce((count, [, source]) => count + internalNames(source).size, 0);
  if (files.length < 40 || names < 100) problems.push(`only ${names} names in ${files.length} files were found`);
  for (const problem of problems) console.log(problem);
  console.log(`${names} names of ${files.length} files compared: ${problems.length} clashes`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

async function compileAlone() {
  const build = join(root, 'build/alone');
  const options = [
    `-DLIBTORCH=${readJson(libtorchRecord)?.path}`,
    '-DCMAKE_UNITY_BUILD=OFF',
    '-DAUTOBIRD_NATIVE_TESTS=ON',
  ];
  const configured = spawnSync('cmake', ['-S', root, '-B', build, ...options], { encoding: 'utf8' });
  if (configured.status !== 0) throw new Error(`CMake failed:\n${configured.stdout}${configured.stderr}`);
  const commands = readJson(join(build, 'compile_commands.json'));
  const waiting = [...commands];
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { code, output } = await syntaxOnly(next);
      totals[code === 0 ? 'passed' : 'failed'] += 1;
      if (output) console.log(`${code === 0 ? '!' : '✗'} ${relative(root, next.file)}\n${output}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (commands.length < 40) throw new Error(`only ${commands.length} files were found in compile_commands.json`);
  console.log(closingLine(totals));
  process.exitCode = totals.failed > 0 ? 1 : 0;
}

function syntaxOnly({ command, directory }) {
  return new Promise((resolve, reject) => {
    const child = spawn(`${command} -fsyntax-only`, { cwd: directory, shell: true });
    let output = '';
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--alone')) await compileAlone();
  else checkNames();
}
