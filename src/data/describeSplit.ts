import type { Split } from '../domain.ts';
import type { GroupedRecording } from './groups.ts';
import { checkNoLeak } from './split.ts';

/** A split in lines for people: sizes, the check for leaks, and what could not be on every side. */
export function describeSplit(split: Split, recordings: readonly GroupedRecording[]): string[] {
  const { train, val, test } = split.counts;
  const lines = [
    `${split.name}: ${train} to train, ${val} to validate, ${test} to test`,
    checkNoLeak(split, recordings).message,
  ];
  const missing = split.missing.map(({ label, sides }) => `${label} (not in ${sides.join(', ')})`);
  if (missing.length > 0) lines.push(`Not on every side, for want of groups: ${missing.join('; ')}`);
  const left = split.unassigned[0];
  if (left !== undefined) {
    lines.push(`${split.unassigned.length} recordings are on no side (${left.path}: ${left.reason})`);
  }
  return lines;
}
