/** Names of settings in other tools and in the original system: the hint for an unknown key. */
const otherNames: Readonly<Record<string, string>> = {
  amp: 'training.precision',
  use_amp: 'training.precision',
  mixed_precision: 'training.precision',
  lr: 'optimizer.lr',
  learning_rate: 'optimizer.lr',
  weight_decay: 'optimizer.weight_decay',
  max_epochs: 'training.epochs',
  max_steps: 'training.steps',
  num_steps: 'training.steps',
  num_epochs: 'training.epochs',
  num_workers: 'training.loader_threads',
  grad_clip_norm: 'training.grad_clip',
  max_grad_norm: 'training.grad_clip',
  gradient_clip_val: 'training.grad_clip',
  validate_every: 'training.validations',
  val_check_interval: 'training.validations',
  check_val_every_n_epoch: 'training.validations',
  eval_steps: 'training.validations',
  early_stopping: 'training.patience',
  early_stopping_patience: 'training.patience',
  use_ws: 'training.sampling',
  warmup: 'scheduler.warmup_epochs',
  warmup_steps: 'scheduler.warmup_epochs',
  accelerator: 'training.device',
  sr: 'features.sample_rate_hz',
  sample_rate: 'features.sample_rate_hz',
  hop_length: 'features.hop_samples',
  fmin: 'features.f_min_hz',
  fq_min: 'features.f_min_hz',
  fmax: 'features.f_max_hz',
  fq_max: 'features.f_max_hz',
  clip_sec: 'clips.length_s',
  stride_sec: 'clips.hop_s',
  min_samples: 'clips.min_clips_per_class',
  train_split: 'split.val_ratio and split.test_ratio',
  test_split: 'split.test_ratio',
  threshold: 'predict.min_score',
  confidence: 'predict.min_score',
  ckpt_dir: 'run.root',
  'hydra.run.dir': 'run.root',
  'hydra.sweep.dir': 'run.root',
  seed: 'training.seed and split.seed',
};

/** What a name that is unknown here is called: by its whole path, else by its last part. */
export function calledHere(path: readonly string[]): string | undefined {
  return otherNames[path.join('.')] ?? otherNames[path.at(-1) as string];
}

/** For tests: every name that a hint gives. */
export const hintedKeys: readonly string[] = [
  ...new Set(Object.values(otherNames).flatMap((keys) => keys.split(' and '))),
];
