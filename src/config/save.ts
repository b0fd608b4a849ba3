import { join } from 'node:path';
import { writeFileAtomic } from '../files.ts';
import type { ComposedConfig } from './compose.ts';
import { dumpYaml } from './yaml.ts';

/**
 * Writes `.hydra/config.yaml` (as composed, interpolations and all) and `.hydra/overrides.yaml` into a run folder, as
 * Hydra does. Throws like `writeFileAtomic`.
 */
export async function saveRunConfig(
  runDir: string,
  composed: Pick<ComposedConfig, 'tree' | 'overrides'>,
): Promise<void> {
  await writeFileAtomic(join(runDir, '.hydra', 'config.yaml'), dumpYaml(composed.tree));
  await writeFileAtomic(join(runDir, '.hydra', 'overrides.yaml'), dumpYaml([...composed.overrides]));
}
