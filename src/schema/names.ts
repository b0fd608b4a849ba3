/** `hopSamples` → `hop_samples`; names without capitals (`_target_`, `beta1`) stay. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `hop_samples` → `hopSamples`; `_target_` stays. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
