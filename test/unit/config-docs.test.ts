/** docs/configuration.md says of every key what is true of configs/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { builtInConfigDir } from '../../src/config/compose.ts';
import { composeTree } from '../../src/config/composeTree.ts';
import { ConfigFiles } from '../../src/config/files.ts';
import { isMapping, type Mapping, type Node } from '../../src/config/node.ts';
import { groupsSchema } from '../../src/config/schema.ts';
import { dumpYaml } from '../../src/config/yaml.ts';
import { packageRoot } from '../../src/packageRoot.ts';

const text = readFileSync(join(packageRoot(), 'docs', 'configuration.md'), 'utf8');

function section(group: string): string {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${group}\n`));
  assert.ok(found !== undefined, `docs/configuration.md has no section ${group}`);
  return found;
}

/** `key` → default as it is written, for each row. */
function documented(group: string): Map<string, string> {
  const rows = [...section(group).matchAll(/^\| `([\w.]+)`\s*\| `([^`]*)`/gm)];
  return new Map(rows.map(([, key, value]) => [key as string, value as string]));
}

/** A value on one line. */
function inline(node: Node): string {
  return Array.isArray(node)
    ? `[${node.map(inline).join(', ')}]`
    : dumpYaml(node)
        .trim()
        .replace(/^'(.*)'$/, '$1');
}

function leaves(mapping: Mapping, prefix = ''): [string, string][] {
  return [...mapping].flatMap(([key, value]): [string, string][] =>
    isMapping(value) ? leaves(value, `${prefix}${key}.`) : [[`${prefix}${key}`, inline(value)]],
  );
}

const { tree } = composeTree([builtInConfigDir()], []);
const step = composeTree([builtInConfigDir()], ['scheduler=step']).tree;

for (const group of Object.keys(groupsSchema.shape)) {
  test(`every key of ${group} is documented with its default, and no other`, () => {
    const wanted = new Map(leaves(tree.get(group) as Mapping));
    if (group === 'scheduler') {
      for (const [key, value] of leaves(step.get(group) as Mapping)) if (!wanted.has(key)) wanted.set(key, value);
    }
    assert.ok(wanted.size > 0);
    assert.equal(Object.fromEntries(documented(group)), Object.fromEntries(wanted));
  });
}

test('every group has a section, and every choice is named in it', () => {
  const files = new ConfigFiles([builtInConfigDir()]);
  const groups = files.groups();
  assert.ok(groups.length > 10);
  for (const group of groups) {
    const choices = files.choices(group);
    const missing = choices.length > 1 ? choices.filter((choice) => !section(group).includes(`\`${choice}\``)) : [];
    assert.equal(missing, [], group);
  }
});

test.run();
