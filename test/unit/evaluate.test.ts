import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutobirdError } from '../../bindings/errors.ts';
import { Dataset } from '../../src/data/dataset.ts';
import type { DatasetManifest, Split } from '../../src/domain.ts';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('recordings that have moved are an error, not a model that is always wrong', () =>
  withTempDir(async (dir) => {
    const rawDir = join(dir, 'moved');
    const dataset = new Dataset(dir, { rawDir } as DatasetManifest, []);
    const split = { assignments: [] } as unknown as Split;
    try {
      await evaluate({ checkpoint: await writeTinyModel(join(dir, 'best.safetensors')), dataset, split });
      assert.unreachable();
    } catch (error) {
      assert.is((error as AutobirdError).code, 'no_raw_dir');
      assert.match((error as Error).message, `are not in ${rawDir} any more`);
      assert.match((error as Error).message, 'run autobird prepare with the folder where they are now');
    }
  }));

test.run();
