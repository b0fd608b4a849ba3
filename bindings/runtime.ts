import { loadAddon } from './load.ts';
import type { RuntimeInfo } from './native.ts';

/** LibTorch's version and what it can use on this machine. Throws NativeLoadError where the addon cannot be loaded. */
export function runtimeInfo(): RuntimeInfo {
  return loadAddon().runtimeInfo();
}

/**
 * Gives the kernel what lies free in the heaps of all threads. They keep it (1.2-1.6 x on training), so a process that goes on
 * for long after a moment of much work calls this now and then.
 */
export async function releaseFreeMemory(): Promise<void> {
  await loadAddon().releaseFreeMemory();
}
