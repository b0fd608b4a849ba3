/** `hopSamples` → `hop_samples`; names without capitals (`_target_`, `beta1`) stay. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
