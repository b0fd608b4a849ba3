import { join } from 'node:path';
import { type ConfigSource, completeConfig } from '../config/completeConfig.ts';
import type { Config } from '../config/schema.ts';
import { Dataset } from '../data/dataset.ts';

/** The complete configuration and the dataset that it names; the place of the recordings is taken from the dataset. */
export async function openTraining(
  source: ConfigSource & { readonly datasetDir?: string },
): Promise<{ readonly config: Config; readonly dataset: Dataset }> {
  const { config = {}, overrides = [] } = source;
  const data = config.data ?? {};
  const isGiven =
    typeof data === 'string' || data.rawDir !== undefined || overrides.some((text) => /^\+*data\.raw_dir=/.test(text));
  const draft = completeConfig(isGiven ? source : { ...source, config: { ...config, data: { ...data, rawDir: '.' } } });
  const dataset = await Dataset.open(source.datasetDir ?? join(draft.data.root, draft.data.name));
  return { config: isGiven ? draft : { ...draft, data: { ...draft.data, rawDir: dataset.manifest.rawDir } }, dataset };
}
