import { readSafetensorsHeader, readTensors } from '../../src/safetensors.ts';

/** Metadata and all tensors of a file, in the order of their bytes. */
export async function readSafetensors(path: string) {
  const { metadata, tensors } = await readSafetensorsHeader(path);
  return { metadata, tensors: await readTensors(path, tensors) };
}
