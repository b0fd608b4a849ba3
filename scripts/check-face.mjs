// bindings/native.ts mirrors what the addons register, name for name: a missing or an extra one fails here, not at a user.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf } from './check-imports.mjs';
import { root } from './setup/places.mjs';

/** Interface name → its members, of the interfaces of native.ts that the addons implement. */
export function declaredFaces(source) {
  const faces = new Map();
  for (const [, name, body] of source.matchAll(/export interface (Native\w+) \{\n([\s\S]*?)\n\}/g)) {
    const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:\(|:)/gm)].map((match) => match[1]);
    faces.set(name, members);
  }
  return faces;
}

/** Face name → names registered for it by C++ sources: the table of an addon, or the class of a handle. */
export function registeredFaces(sources) {
  const faces = new Map();
  const add = (face, names) => faces.set(face, [...(faces.get(face) ?? []), ...names]);
  for (const [path, source] of sources) {
    const tables = [...source.matchAll(/exports(?:\["(\w+)"\] =|\.Set\("(\w+)")/g)].map(
      (match) => match[1] ?? match[2],
    );
    if (tables.length > 0) add(path.startsWith('native/audio/') ? 'NativeAudioAddon' : 'NativeAddon', tables);
    for (const [, name, body] of source.matchAll(/DefineClass\(\s*env,\s*"(\w+)",([\s\S]*?)\}\s*\)\s*[;)]/g)) {
      const members = [...body.matchAll(/Instance(?:Method|Accessor)(?:<[^"]*>)?\(\s*(?:env,\s*)?"(\w+)"/g)];
      add(
        `Native${name}`,
        members.map((match) => match[1]),
      );
    }
  }
  return faces;
}

/** A line for each difference between the two. */
export function compareFaces(declared, registered) {
  const problems = [];
  for (const [face, names] of declared) {
    const there = registered.get(face);
    if (!there) {
      problems.push(`${face}: no addon registers it`);
      continue;
    }
    for (const name of names)
      if (!there.includes(name)) problems.push(`${face}.${name} is declared but not registered`);
    for (const name of there)
      if (!names.includes(name)) problems.push(`${face}.${name} is registered but not declared`);
    for (const list of [names, there]) {
      const twice = list.find((name, i) => list.indexOf(name) !== i);
      if (twice) problems.push(`${face}.${twice} is there twice`);
    }
  }
  for (const face of registered.keys())
    if (!declared.has(face)) problems.push(`${face} is registered but not declared`);
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (path) => readFileSync(join(root, path), 'utf8');
  const files = [...filesOf('native/addon', ['.cc', '.h']), ...filesOf('native/audio', ['.cc', '.h'])];
  const declared = declaredFaces(read('bindings/native.ts'));
  const problems = compareFaces(declared, registeredFaces(files.map((path) => [path, read(path)])));
  const names = [...declared.values()].flat().length;
  if (files.length < 5 || declared.size < 5 || names < 20) {
    problems.push(`only ${files.length} C++ files and ${names} names in ${declared.size} faces were found`);
  }
  for (const problem of problems) console.log(problem);
  console.log(
    `${names} names in ${declared.size} faces compared with ${files.length} C++ files: ${problems.length} differences`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
}
