import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rankLabels } from '../../src/scoring/rankLabels.ts';

const labels = ['wren', 'noise', 'robin', 'tit'];
const scores = [0.2, 0.9, 0.5, 0.5];
const names = (ranked: ReturnType<typeof rankLabels>) => ranked.map(({ label }) => label);

test('labels come by score, equal ones in their own order, without those that are left out', () => {
  assert.equal(names(rankLabels(labels, scores)), ['noise', 'robin', 'tit', 'wren']);
  assert.equal(rankLabels(labels, scores, ['noise', 'tit', 'robin']), [{ label: 'wren', score: 0.2 }]);
  assert.equal(names(rankLabels(labels, scores, ['noise'], 0.5)), ['robin', 'tit']);
});

test.run();
