/** Where the network of `predict` and `evaluate` runs. */
export interface RuntimeArgs {
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly precision: 'auto' | 'f32' | 'bf16' | 'fp16';
}

export const runtimeOptions = {
  device: { choices: ['auto', 'cpu', 'cuda'] as const, default: 'cpu' as const },
  precision: {
    choices: ['auto', 'f32', 'bf16', 'fp16'] as const,
    default: 'f32' as const,
    describe: 'f32 gives the same scores everywhere, auto is faster where the hardware helps',
  },
} as const;
