import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { byCodePoint } from '../byCodePoint.ts';
import type { DatasetManifest } from '../domain.ts';
import { isMissingFile, readJson } from '../files.ts';
import { decode } from '../schema/case.ts';
import { manifestSchema } from './datasetFiles.ts';

/** A dataset as its folder has it. */
export interface ListedDataset {
  /** The folder's name, which `data.name` and `--dataset` take. */
  readonly name: string;
  readonly dir: string;
  readonly manifest: DatasetManifest;
}

/** Names of the folders in `root` that hold a finished dataset, sorted; none where there is no such folder. */
export async function datasetNames(root: string): Promise<string[]> {
  const names = await readdir(root).catch((error) => {
    if (isMissingFile(error)) return [];
    throw error;
  });
  const isThere = (name: string) => stat(join(root, name, 'dataset.json')).then((found) => found.isFile());
  const found = await Promise.all(names.map((name) => isThere(name).catch(() => false)));
  return names.filter((_, i) => found[i]).sort(byCodePoint);
}

/**
 * The prepared datasets in `root`, by name. One whose `dataset.json` cannot be read is left out with a line to `note`, by
 * default a warning of the process.
 */
export async function listDatasets(
  root: string,
  note: (line: string) => void = (line) => process.emitWarning(line),
): Promise<ListedDataset[]> {
  const listed: ListedDataset[] = [];
  for (const name of await datasetNames(root)) {
    const dir = join(root, name);
    const path = join(dir, 'dataset.json');
    try {
      const manifest: z.infer<typeof manifestSchema> = decode(manifestSchema, await readJson(path), path);
      listed.push({ name, dir, manifest });
    } catch (error) {
      note(`Dataset left out: ${(error as Error).message}`);
    }
  }
  return listed;
}
