import { mkdir, writeFile } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  flagOverrides,
  looksLikeOverride,
  override,
  pathAndOverrides,
  pathsAndOverrides,
} from '../../src/cli/overrides.ts';
import { parseOverride } from '../../src/config/grammar.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('whatever a flag says arrives as the same value through the grammar of overrides', () => {
  const texts = [
    'field',
    'my birds',
    "it's, here",
    'a=b',
    '17',
    'true',
    'null',
    '/data/2024/été 🐦',
    'C:\\birds\\',
    '',
  ];
  for (const text of texts) assert.is(parseOverride(override('data.name', text)).value, text, text);
  assert.equal(parseOverride(override('data.metadata', ['a.csv', 'b, c.csv'])).value, ['a.csv', 'b, c.csv']);
  assert.is(parseOverride(override('training.epochs', 3)).value, 3);
  assert.is(parseOverride(override('predict.merge', false)).value, false);
});

test('a flag that was not given leaves the configuration alone', () => {
  assert.equal(flagOverrides({ 'data.name': undefined, 'training.epochs': 2 }), ['training.epochs=2']);
});

test('overrides are told from files', () => {
  for (const text of ['a.b=c', '+x.y=[1,2]', '++a=1', '~a.b', 'model=large', 'group/sub@pack=x']) {
    assert.ok(looksLikeOverride(text), text);
  }
  for (const text of ['dawn.wav', './a=b.wav', 'field', '/x/y=z', '~/birds']) assert.not(looksLikeOverride(text), text);
});

test('what is there is a path, though it holds =; a word that could be either is named', () =>
  withTempDir(async (dir) => {
    const before = process.cwd();
    process.chdir(dir);
    try {
      await mkdir('paths/year=2023', { recursive: true });
      await writeFile('epoch=3.safetensors', '');
      await writeFile('data.name=x', '');
      const notes: string[] = [];
      const words = ['paths/year=2023', 'epoch=3.safetensors', 'data.name=x', 'data.name=y', 'year=2024', 'gone.wav'];
      const { paths, overrides } = await pathsAndOverrides(words, (line) => notes.push(line));
      assert.equal(paths, ['paths/year=2023', 'epoch=3.safetensors', 'data.name=x', 'gone.wav']);
      assert.equal(overrides, ['data.name=y', 'year=2024']);
      assert.equal(notes, [
        'data.name=x is a file or folder here: taken for a path. Move it away to override a setting',
        'There is no file or folder year=2024: taken for an override',
      ]);
    } finally {
      process.chdir(before);
    }
  }));

test('more than one folder is a mistake that shows them', async () => {
  const note = () => {};
  assert.equal(await pathAndOverrides(['birds', 'a.b=1'], 'folder', note), { path: 'birds', overrides: ['a.b=1'] });
  const error = await pathAndOverrides(['a', 'b'], 'folder', note).catch((thrown: Error) => thrown);
  assert.match((error as Error).message, /^Expected one folder but received 2: a, b\./);
});

test.run();
