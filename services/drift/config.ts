import { composeConfig, type Groups } from '../../src/index.ts';

/** The groups that the drift service reads. */
export const driftGroups = ['service', 'drift', 'data', 'split', 'clips', 'features'] as const;
export type DriftServiceConfig = Pick<Groups, (typeof driftGroups)[number]>;

/** Its configuration. Where recordings of a dataset once lay is of no interest here: `data.raw_dir` may be missing. */
export function composeDriftConfig(
  overrides: readonly string[],
  options: { readonly configDir?: readonly string[] } = {},
): DriftServiceConfig {
  const isGiven = overrides.some((text) => /^(?:\+\+)?data\.raw_dir=/.test(text));
  const words = isGiven ? overrides : [...overrides, 'data.raw_dir=.'];
  return composeConfig(words, { groups: driftGroups, ...options }).config;
}
