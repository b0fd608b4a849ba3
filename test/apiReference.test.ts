/** The API reference is made from the docstrings: every export has one. */
// time-limit: 180
import { spawnSync } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withTempDir } from './helpers/withTempDir.ts';

/** Of TypeDoc's JSON, as far as it is read here. */
interface Reflection {
  readonly name: string;
  readonly kind: number;
  readonly comment?: { readonly summary: readonly { readonly text: string }[] };
  readonly inheritedFrom?: unknown;
  readonly children?: readonly Reflection[];
  readonly signatures?: readonly Reflection[];
  readonly getSignature?: Reflection;
}

/** TypeDoc's numbers of kinds. */
const kinds = { property: 1024, method: 2048, accessor: 262_144, reference: 4_194_304 };
const tools = fileURLToPath(new URL('../scripts/api/', import.meta.url));

test('every export, every method and every option has its sentence in the API reference', () =>
  withTempDir(async (dir) => {
    // In a folder of its own: `npm run docs:api` may run beside this.
    for (const name of ['package.json', 'package-lock.json']) await copyFile(join(tools, name), join(dir, name));
    const installed = spawnSync('npm', ['ci', '--ignore-scripts', '--prefer-offline'], { cwd: dir, encoding: 'utf8' });
    if (installed.status !== 0) {
      assert.match(installed.stderr, /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network/, 'npm ci fails elsewhere');
      console.log('# skip: the API reference: npm cannot reach its registry here');
      return;
    }
    const typedoc = [join(dir, 'node_modules/typedoc/bin/typedoc'), '--options', join(tools, 'typedoc.json')];
    const output = ['--out', join(dir, 'html'), '--json', join(dir, 'api.json')];
    const made = spawnSync(process.execPath, [...typedoc, ...output], { encoding: 'utf8' });
    assert.is(made.status, 0, made.stdout + made.stderr);
    assert.match(await readFile(join(dir, 'html/classes/index.Classifier.html'), 'utf8'), 'predictFiles');
    const api = JSON.parse(await readFile(join(dir, 'api.json'), 'utf8')) as Reflection;
    const exported = (api.children ?? []).flatMap(({ children = [] }) => children);
    assert.ok(exported.length > 80, `only ${exported.length} exports`);
    const missing = exported
      .filter(({ kind }) => kind !== kinds.reference)
      .flatMap((one) => [one, ...membersOf(one)].filter((each) => !isDescribed(each)))
      .map(({ name }) => name);
    assert.equal(missing, [], `without a sentence: ${missing.join(', ')}`);
  }));

/** Methods and accessors of an export; the properties too where it holds options. */
function membersOf({ name, children = [] }: Reflection): Reflection[] {
  const isOptions = /(Options|Limits|Batching|Source)$/.test(name);
  return children
    .filter(({ inheritedFrom }) => inheritedFrom === undefined)
    .filter(({ kind }) => kind === kinds.method || kind === kinds.accessor || (isOptions && kind === kinds.property))
    .filter((member) => !member.name.startsWith('['))
    .map((member) => ({ ...member, name: `${name}.${member.name}` }));
}

function isDescribed(one: Reflection): boolean {
  return [one, ...(one.signatures ?? []), ...(one.getSignature ? [one.getSignature] : [])].some(({ comment }) =>
    comment?.summary.some(({ text }) => text.trim() !== ''),
  );
}

test.run();
