import type { AudioSource } from './AudioSource.ts';

/** What is wrong with a recording that could be read all the same; final once its blocks have ended. */
export function warningsOf({
  damaged,
  truncated,
  notes,
}: Pick<AudioSource, 'damaged' | 'truncated' | 'notes'>): string[] {
  const warnings: string[] = [];
  if (truncated) warnings.push('the file ends before its header says; what is there is used');
  if (damaged > 0) {
    warnings.push(
      damaged === 1 ? 'a damaged place is silent or left out' : `${damaged} damaged places are silent or left out`,
    );
  }
  return [...warnings, ...notes];
}
