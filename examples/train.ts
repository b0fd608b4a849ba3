/**
 * From recordings to a judged classifier: `npx tsx examples/train.ts FOLDER experiment=quickstart`. The recordings are
 * invented ones; put a folder of your own in place of `synthesize`.
 */
import { join } from 'node:path';
import { prepare, synthesize, train } from 'autobird';

const [folder, ...overrides] = process.argv.slice(2);
if (folder === undefined) throw new Error('Expected a folder to work in');

const { rawDir, metadata } = await synthesize(join(folder, 'recordings'), { recordingsPerSpecies: 6 });
const config = {
  data: { rawDir, metadata: [metadata], root: join(folder, 'data') },
  run: { root: join(folder, 'runs') },
};

const dataset = await prepare({ config, overrides });
console.log(`${dataset.recordings.length} recordings of ${dataset.manifest.labels.length} species`);

const run = await train({ config, overrides, onNote: console.log });
const report = await run.report();
console.log(
  `${((report?.recordings.accuracy ?? 0) * 100).toFixed(1)} % of the test recordings right: ${run.dir}/report.html`,
);
