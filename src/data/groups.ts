import { byCodePoint } from '../byCodePoint.ts';
import type { Label, Recording } from '../domain.ts';

/** What a split needs to know of a recording. */
export type GroupedRecording = Pick<Recording, 'path' | 'label' | 'audioHash' | 'session' | 'groupKey' | 'fold'>;

/** Recordings that must never be on two sides of a split. */
export interface Group {
  /** The first of its paths. */
  readonly id: string;
  /** In order of code points. */
  readonly recordings: readonly GroupedRecording[];
  /** Recordings of each class. */
  readonly classes: ReadonlyMap<Label, number>;
}

/** `auto` is `session` as soon as one recording has a session. */
export function resolveGroupBy(
  groupBy: 'auto' | 'session' | 'recording',
  recordings: readonly Pick<Recording, 'session'>[],
): 'session' | 'recording' {
  if (groupBy !== 'auto') return groupBy;
  return recordings.some((recording) => recording.session !== null) ? 'session' : 'recording';
}

/**
 * Connected components of "has the same sound", "has the same group key" and, by session, "is of the same session",
 * sorted by id. The order of the recordings does not matter.
 */
export function groupRecordings(
  recordings: readonly GroupedRecording[],
  groupBy: 'session' | 'recording',
): readonly Group[] {
  const sorted = [...recordings].sort((a, b) => byCodePoint(a.path, b.path));
  const parent = sorted.map((_, i) => i);
  const root = (i: number): number => {
    let r = i;
    while (parent[r] !== r) r = parent[r] as number;
    for (let at = i; at !== r; ) {
      const next = parent[at] as number;
      parent[at] = r;
      at = next;
    }
    return r;
  };
  const firstWith = new Map<string, number>();
  sorted.forEach((recording, i) => {
    const keys = [`audio ${recording.audioHash}`];
    if (recording.groupKey !== null) keys.push(`group ${recording.groupKey}`);
    if (groupBy === 'session' && recording.session !== null) keys.push(`session ${recording.session}`);
    for (const key of keys) {
      const first = firstWith.get(key);
      if (first === undefined) firstWith.set(key, i);
      else {
        const [low, high] = [root(first), root(i)].sort((a, b) => a - b) as [number, number];
        parent[high] = low;
      }
    }
  });
  const members = new Map<number, GroupedRecording[]>();
  sorted.forEach((recording, i) => {
    const list = members.get(root(i));
    if (list === undefined) members.set(root(i), [recording]);
    else list.push(recording);
  });
  return [...members.values()].map((list) => ({
    id: (list[0] as GroupedRecording).path,
    recordings: list,
    classes: countLabels(list),
  }));
}

export function countLabels(recordings: Iterable<Pick<Recording, 'label'>>): Map<Label, number> {
  const counts = new Map<Label, number>();
  for (const { label } of recordings) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
