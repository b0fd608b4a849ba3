import { loadAddon } from './load.ts';
import type { RuntimeInfo } from './native.ts';

/** LibTorch's version and what it can use on this machine. Throws NativeLoadError where the addon cannot be loaded. */
export function runtimeInfo(): RuntimeInfo {
  return loadAddon().runtimeInfo();
}
