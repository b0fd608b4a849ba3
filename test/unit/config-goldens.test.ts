/** Composition against hydra-core 1.3.8 and OmegaConf: their answers, written by scripts/goldens/config.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/ConfigError.ts';
import { builtInConfigDir } from '../../src/config/compose.ts';
import { composeTree } from '../../src/config/composeTree.ts';
import { parseOverride } from '../../src/config/grammar.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { Float, isMapping, type Node } from '../../src/config/node.ts';
import { pythonFloat } from '../../src/config/scalars.ts';
import { dumpYaml, parseYaml } from '../../src/config/yaml.ts';

type Marked = null | boolean | number | string | Marked[] | { float: string } | { map: [string, Marked][] };
type Answer = { value: Marked } | { error: string };

const fixtures = fileURLToPath(new URL('../fixtures/hydra', import.meta.url));

function golden<T>(name: string): T[] {
  const rows = JSON.parse(readFileSync(join(fixtures, name), 'utf8')) as T[];
  assert.ok(rows.length > 3, `${name} has ${rows.length} rows`);
  return rows;
}

/** As the goldens tell floats from integers. */
function marked(node: Node): Marked {
  if (node instanceof Float) return { float: pythonFloat(node.value) };
  if (Array.isArray(node)) return node.map(marked);
  if (isMapping(node)) return { map: [...node].map(([key, value]) => [key, marked(value)]) };
  return node;
}

function unmarked(value: Marked): Node {
  if (Array.isArray(value)) return value.map(unmarked);
  if (typeof value !== 'object' || value === null) return value;
  if ('map' in value) return new Map(value.map.map(([key, item]) => [key, unmarked(item)]));
  return new Float(Number(value.float.replace('inf', 'Infinity')));
}

function attempt(make: () => Marked): Answer {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof ConfigError) return { error: error.message };
    throw error;
  }
}

function compare(name: string, actual: Answer, wanted: Answer, failures: string[]): void {
  const same = 'error' in wanted ? 'error' in actual : JSON.stringify(actual) === JSON.stringify(wanted);
  if (!same) failures.push(`${name}\n  ours   ${JSON.stringify(actual)}\n  hydra  ${JSON.stringify(wanted)}`);
}

function compose(folder: string, overrides: readonly string[]): Marked {
  const { tree, mistakes, refused, unknownKeys } = composeTree([folder], overrides);
  const all = [...mistakes, ...refused, ...unknownKeys.map(({ override }) => override.text)];
  if (all.length > 0) throw new ConfigError(all);
  const { node, failures } = interpolate(tree, {});
  if (failures.length > 0) throw new ConfigError(failures.map(({ message }) => message));
  return marked(node);
}

for (const [file, folder] of [
  ['compositions.json', join(fixtures, 'configs')],
  ['built-in.json', builtInConfigDir()],
] as const) {
  test(`${file}: the same configuration as Hydra composes, or both refuse`, () => {
    const failures: string[] = [];
    for (const [overrides, wanted] of golden<[string[], Answer]>(file)) {
      const actual = attempt(() => compose(folder, overrides));
      compare(overrides.join(' '), actual, wanted, failures);
    }
    assert.is(failures.join('\n'), '');
  });
}

test('overrides.json: the same override as Hydra parses, or both refuse', () => {
  const failures: string[] = [];
  for (const [text, wanted] of golden<[string, Answer]>('overrides.json')) {
    const kinds = { change: 'CHANGE', add: 'ADD', force_add: 'FORCE_ADD', delete: 'DEL' };
    const actual = attempt(() => {
      const { kind, key, package: target, value } = parseOverride(text);
      return [kinds[kind], key, target ?? null, marked(value ?? null)];
    });
    compare(text, actual, wanted, failures);
  }
  assert.is(failures.join('\n'), '');
});

test('scalars.json: the same value as OmegaConf reads from YAML', () => {
  const failures: string[] = [];
  for (const [text, wanted] of golden<[string, Answer]>('scalars.json')) {
    const actual = attempt(() => marked((parseYaml(`k: ${text}\n`, 'x.yaml') as Map<string, Node>).get('k') as Node));
    compare(text, actual, wanted, failures);
  }
  assert.is(failures.join('\n'), '');
});

test('dumps.json: the same YAML as OmegaConf writes, and it reads back', () => {
  for (const [value, wanted] of golden<[Marked, string | null]>('dumps.json')) {
    const ours = dumpYaml(unmarked(value));
    if (wanted !== null) assert.is(ours, wanted);
    assert.equal(marked(parseYaml(ours, 'x.yaml')), value);
  }
});

test.run();
