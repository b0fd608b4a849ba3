import { availableParallelism } from 'node:os';
import { InvalidArgumentError } from '../../bindings/errors.ts';
import { runtimeInfo } from '../../bindings/index.ts';
import type { Device, Precision, RuntimeInfo } from '../../bindings/native.ts';

/**
 * Device, precision and threads for this machine. `auto` takes a GPU where there is one, fp16 there, and bf16 on a CPU that
 * multiplies it natively.
 *
 * @throws InvalidArgumentError for a device or precision that this machine does not have
 */
export function chooseRuntime(
  device: Device | 'auto',
  precision: Precision | 'auto',
  threads: number | null,
  info: Pick<RuntimeInfo, 'cudaAvailable' | 'cpuBf16'> = runtimeInfo(),
): { readonly device: Device; readonly precision: Precision; readonly threads: number } {
  if (device === 'cuda' && !info.cudaAvailable) {
    throw new InvalidArgumentError('There is no usable GPU for device=cuda: use device=cpu, or see `autobird doctor`');
  }
  const chosenDevice = device === 'auto' ? (info.cudaAvailable ? 'cuda' : 'cpu') : device;
  if (precision === 'fp16' && chosenDevice === 'cpu') {
    throw new InvalidArgumentError('precision=fp16 needs a GPU: use bf16 or f32 on the CPU');
  }
  const fast = chosenDevice === 'cuda' ? 'fp16' : info.cpuBf16 ? 'bf16' : 'f32';
  return {
    device: chosenDevice,
    precision: precision === 'auto' ? fast : precision,
    threads: threads ?? availableParallelism(),
  };
}
