import type { DriftConfig } from '../config/schema.ts';
import type { DriftOptions } from './detectDrift.ts';

/** The options of `detectDrift` as the group `drift` of the configuration has them. */
export function configuredDrift(config: DriftConfig): DriftOptions {
  const { share, pValue, distance, level, classRows, embeddings, permutations, window, alarm } = config;
  return {
    driftShare: share,
    pValue,
    distance,
    level,
    leastClassRows: classRows,
    embeddings: embeddings ? { permutations } : null,
    window,
    alarm,
  };
}
