import type { Split } from '../domain.ts';
import { type GroupedRecording, recorderDateOf } from './groups.ts';
import { checkNoLeak } from './split.ts';

/** A split in lines for people: sizes, the check for leaks, and what could not be on every side. */
export function describeSplit(split: Split, recordings: readonly GroupedRecording[]): string[] {
  const { train, val, test } = split.counts;
  const { message, caveat } = checkNoLeak(split, recordings);
  const lines = [`${split.name}: ${train} to train, ${val} to validate, ${test} to test`, message];
  if (caveat !== null) lines.push(`${caveat} ${wayOut(recordings)}`);
  const groups = new Set(split.assignments.map(({ group }) => group)).size;
  for (const [side, ratio] of [
    ['val', split.options['valRatio']],
    ['test', split.options['testRatio']],
  ] as const) {
    if (split.counts[side] > 0 || ratio === 0) continue;
    const why = groups === 1 ? 'all recordings are one group' : `the recordings are only ${groups} groups`;
    lines.push(`No recordings for ${side}: ${why}; see data.columns.group and split.group_by`);
  }
  const missing = split.missing.map(({ label, sides }) => `${label} (not in ${sides.join(', ')})`);
  if (missing.length > 0) lines.push(`Not on every side, for want of groups: ${missing.join('; ')}`);
  const left = split.unassigned[0];
  if (left !== undefined) {
    lines.push(`${split.unassigned.length} recordings are on no side (${left.path}: ${left.reason})`);
  }
  return lines;
}

function wayOut(recordings: readonly GroupedRecording[]): string {
  if (recordings.some(({ session }) => session !== null)) return 'The metadata has sessions: split.group_by=session';
  const dated = recordings.filter((recording) => recorderDateOf(recording) !== null).length;
  return dated > recordings.length / 2
    ? `Of ${dated} recordings the date is known: split.group_by=recorder_date keeps those of one recorder and date together`
    : 'A column of the metadata can say what belongs together: data.columns.session';
}
