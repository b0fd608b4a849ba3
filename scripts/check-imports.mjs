// Imports follow one line and never turn back: services ─▶ src ─▶ bindings ─▶ native/addon ─▶ native/core ─▶ LibTorch.
// No file and no folder is in a circle with another. The search for circles is our own: madge takes 6 s and 51 MB for what
// takes a tenth of a second here, and dependency-cruiser does not run on Node 20.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './setup/places.mjs';

const IMPORT =
  /(?:^|\n)\s*(import|export)(\s+type)?\s[^'";]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/g;
const INCLUDE = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm;

/** What each folder may import of the others, with the reason told when it does not. */
const TYPESCRIPT_RULES = [
  {
    from: /^bindings\//,
    allows: (target) => target.startsWith('bindings/'),
    why: 'bindings is the typed face of the addon and knows nothing above it',
  },
  {
    from: /^src\//,
    allows: (target) => !target.startsWith('services/') && !/^(test|bench|examples|scripts)\//.test(target),
    why: 'src starts services as child processes and never imports them',
  },
  {
    from: /^services\//,
    allows: (target) => target.startsWith('services/') || target === 'src/index.ts' || target === 'src/service.ts',
    why: 'services are users of the library: they import src/index.ts and src/service.ts only',
  },
  {
    from: /^examples\//,
    allows: (target) => target.startsWith('examples/') || target === 'src/index.ts',
    why: 'examples show what a user can do: they import src/index.ts only',
  },
  {
    from: /^(?!bindings\/)/,
    allows: (target, { isType }) => target !== 'bindings/native.ts' || isType,
    why: 'the raw face of the addon is wrapped by bindings; only its types may be named elsewhere',
  },
];

const NATIVE_RULES = [
  {
    from: /^native\/(?!addon\/|audio\/)/,
    allows: (header) => !/^(napi\.h|addon\/)/.test(header),
    why: 'napi.h lives in native/addon and native/audio only, and core does not know them',
  },
  {
    from: /^native\//,
    allows: (header) => !/^torch\/(torch|all|nn|optim)(\.h|\/)/.test(header),
    why: 'torch/torch.h, torch::nn and torch::optim cost 15 s and a gigabyte a file: ATen has what is needed',
  },
  {
    from: /^native\/(core\/(audio|features)|preload)\//,
    allows: (header) => !/^(ATen|torch|c10)\//.test(header),
    why: 'decoding, resampling and log-mel need no LibTorch, and audio.node is linked without it',
  },
];

/** Files below a folder of the package with one of the endings, as paths from its root with forward slashes. */
export function filesOf(folder, endings) {
  const full = join(root, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true })
    .map((name) => relative(root, join(full, name)).split(sep).join('/'))
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .sort();
}

/** `{ target, isType }` of each relative import of a TypeScript source, the target as a path from the root. */
export function importsOf(path, source) {
  return [...source.matchAll(IMPORT)]
    .map((match) => ({ specifier: match[3] ?? match[4] ?? match[5], isType: Boolean(match[2]) }))
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, isType }) => ({ target: posix.join(posix.dirname(path), specifier), isType }));
}

/** Headers that a C++ source includes. */
export function includesOf(source) {
  return [...source.matchAll(INCLUDE)].map((match) => match[1]);
}

/** Checks one TypeScript source; returns a line for each import that turns back. */
export function checkTypeScript(path, source) {
  return importsOf(path, source).flatMap((found) =>
    TYPESCRIPT_RULES.filter((rule) => rule.from.test(path) && !rule.allows(found.target, found)).map(
      (rule) => `${path} imports ${found.target}: ${rule.why}`,
    ),
  );
}

/** Checks one C++ source; returns a line for each include that turns back. */
export function checkNative(path, source) {
  return includesOf(source).flatMap((header) =>
    NATIVE_RULES.filter((rule) => rule.from.test(path) && !rule.allows(header)).map(
      (rule) => `${path} includes ${header}: ${rule.why}`,
    ),
  );
}

/** The first circle that following `edges` (name → names) finds, as a closed path; undefined where there is none. */
export function findCircle(edges) {
  const done = new Set();
  const path = [];
  function visit(name) {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    path.push(name);
    for (const next of edges.get(name) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    done.add(name);
    return undefined;
  }
  for (const name of edges.keys()) {
    const circle = visit(name);
    if (circle) return circle;
  }
  return undefined;
}

/** `src/data/split.ts` → `src/data`; a file directly in `src` or `services` stands for itself, `bindings` is one. */
function folderOf(path) {
  return path
    .split('/')
    .slice(0, path.startsWith('bindings/') ? 1 : 2)
    .join('/');
}

/** A line for a circle of files and one for a circle of folders, `[path, source]` each; imports of types count between files only. */
export function checkCircles(sources) {
  const files = new Map();
  const folders = new Map();
  for (const [path, source] of sources) {
    const found = importsOf(path, source);
    files.set(path, new Set(found.map(({ target }) => target)));
    const others = found.filter(({ isType }) => !isType).map(({ target }) => folderOf(target));
    folders.set(folderOf(path), new Set([...(folders.get(folderOf(path)) ?? []), ...others]));
  }
  for (const [folder, others] of folders) others.delete(folder);
  return [findCircle(files), findCircle(folders)]
    .filter((circle) => circle !== undefined)
    .map(
      (circle) => `${circle.join(' → ')}: a circle of imports; move what both need to where neither imports the other`,
    );
}

/** `{ files, problems }` over the whole package. */
export function checkImports() {
  const read = (path) => readFileSync(join(root, path), 'utf8');
  const typescript = ['bindings', 'src', 'services', 'examples', 'test', 'bench'].flatMap((f) => filesOf(f, ['.ts']));
  const native = filesOf('native', ['.cc', '.h']);
  return {
    files: { typescript: typescript.length, native: native.length },
    problems: [
      ...typescript.flatMap((path) => checkTypeScript(path, read(path))),
      ...checkCircles(
        typescript.filter((path) => /^(bindings|src|services)\//.test(path)).map((path) => [path, read(path)]),
      ),
      ...native.flatMap((path) => checkNative(path, read(path))),
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, problems } = checkImports();
  // A pattern that matches nothing passes happily: it has to find files.
  if (files.typescript < 10 || files.native < 10) problems.push(`only ${JSON.stringify(files)} files were found`);
  for (const problem of problems) console.log(problem);
  console.log(
    `${files.typescript} TypeScript and ${files.native} C++ files: ${problems.length} imports turn back or go in a circle`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
}
