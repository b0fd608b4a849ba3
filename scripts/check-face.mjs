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

/** Function of an addon → the face of the handle that it gives, as native.ts says: `openShards` → `NativeShardSet`. */
export function handleFaces(source) {
  const makers = source.matchAll(/^ {2}(\w+)\((?:[^()]|\([^()]*\))*\): (?:Promise<)?(Native\w+)>?;/gm);
  return new Map([...makers].map((match) => [match[1], match[2]]));
}

const FUNCTION = /^(?:inline )?(?:Napi::(?:Value|Object)|void) (\w+)\(/gm;
const EXPORTED = /exports(?:\["(\w+)"\] =|\.Set\("(\w+)")/g;
const MEMBER =
  /handle(?:\["(\w+)"\] =|\.Set\("(\w+)")|Accessor\(env, handle,\s*"(\w+)"|addMethod\(handle,\s*"(\w+)"|return (?:make|open)(Handle)(?:<\w+>)?\(/g;

/**
 * Face name → names registered for it by C++ sources: the table of an addon (`exports["name"]`), and the members of handles
 * inside the function that makes one, which `makers` names (or `decoderHandle` for `NativeDecoder`). handle.h's
 * `makeHandle` and `openHandle` give `dispose` to every handle that is made with them.
 */
export function registeredFaces(sources, makers) {
  const faces = new Map();
  const add = (face, name) => faces.set(face, [...(faces.get(face) ?? []), name]);
  for (const [path, source] of sources.filter(([name]) => name !== 'native/addon/handle.h')) {
    const table = path.startsWith('native/audio/') ? 'NativeAudioAddon' : 'NativeAddon';
    for (const match of source.matchAll(EXPORTED)) add(table, match[1] ?? match[2]);
    const functions = [...source.matchAll(FUNCTION)].map((match) => ({ name: match[1], index: match.index }));
    // What helpers of a file with one maker add (`addSteps`) belongs to that one.
    const made = functions.map(({ name }) => faceOf(name, makers)).filter(Boolean);
    const onlyFace = made.length === 1 ? made[0] : null;
    for (const match of source.matchAll(MEMBER)) {
      const { name = 'nothing' } = functions.findLast(({ index }) => index < match.index) ?? {};
      const face = faceOf(name, makers) ?? onlyFace ?? `a handle of ${name}`;
      add(face, match[5] ? 'dispose' : match.slice(1, 5).find(Boolean));
    }
  }
  return faces;
}

function faceOf(name, makers) {
  const ofHandle = /^(\w)(\w*)Handle$/.exec(name);
  return (
    makers.get(name) ?? (ofHandle && name !== 'makeHandle' ? `Native${ofHandle[1].toUpperCase()}${ofHandle[2]}` : null)
  );
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
  const face = read('bindings/native.ts');
  const declared = declaredFaces(face);
  const registered = registeredFaces(
    files.map((path) => [path, read(path)]),
    handleFaces(face),
  );
  const problems = compareFaces(declared, registered);
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
