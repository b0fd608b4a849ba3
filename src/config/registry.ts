/**
 * What `_target_` may name. The registry is closed: a name is looked up here, never imported, so a configuration cannot
 * run code. PyTorch's names are accepted because users know them.
 */
import type { OptimizerOptions } from '../../bindings/native.ts';
import type { OptimizerConfig, SchedulerConfig } from './schema.ts';

export const optimizerKinds = {
  'torch.optim.Adam': 'adam',
  'torch.optim.AdamW': 'adamw',
} as const satisfies Record<OptimizerConfig['_target_'], OptimizerOptions['kind']>;

export const schedulerKinds = {
  'torch.optim.lr_scheduler.StepLR': 'step',
  'autobird.CosineWarmup': 'cosine',
} as const satisfies Record<SchedulerConfig['_target_'], string>;

/** The optimizer that a configuration names; its learning rate is given a step at a time. */
export function optimizerOptions(config: OptimizerConfig): OptimizerOptions {
  const { beta1, beta2, eps, weightDecay } = config;
  return { kind: optimizerKinds[config._target_], beta1, beta2, eps, weightDecay };
}
