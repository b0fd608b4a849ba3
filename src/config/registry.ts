/**
 * What `_target_` of an optimizer may name (schedulers: `training/schedule.ts`). The registry is closed: a name is looked up,
 * never imported, so a configuration cannot run code. PyTorch's names are accepted because users know them.
 */
import type { OptimizerOptions } from '../../bindings/native.ts';
import type { OptimizerConfig } from './schema.ts';

const optimizerKinds = {
  'torch.optim.Adam': 'adam',
  'torch.optim.AdamW': 'adamw',
} as const satisfies Record<OptimizerConfig['_target_'], OptimizerOptions['kind']>;

/** The optimizer that a configuration names; its learning rate is given a step at a time. */
export function optimizerOptions(config: OptimizerConfig): OptimizerOptions {
  const { beta1, beta2, eps, weightDecay } = config;
  return { kind: optimizerKinds[config._target_], beta1, beta2, eps, weightDecay };
}
