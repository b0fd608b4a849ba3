import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { flagOverrides, folderAndOverrides, looksLikeOverride, override } from '../../src/cli/overrides.ts';
import { parseOverride } from '../../src/config/grammar.ts';

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

test('more than one folder is a mistake that shows them', () => {
  assert.equal(folderAndOverrides(['birds', 'a.b=1']), { folder: 'birds', overrides: ['a.b=1'] });
  assert.throws(() => folderAndOverrides(['a', 'b']), /Expected one folder but received 2: a, b/);
});

test.run();
