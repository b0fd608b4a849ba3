import { byCodePoint } from '../byCodePoint.ts';
import type { SplitConfig } from '../config/schema.ts';
import type { Label, Recording } from '../domain.ts';
import type { GroupBy } from '../keptTogether.ts';
import { recorderFromName } from './recordedAt.ts';

/** What a split needs to know of a recording. */
export type GroupedRecording = Pick<
  Recording,
  'path' | 'label' | 'audioHash' | 'session' | 'groupKey' | 'fold' | 'recordedAt'
>;

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
  groupBy: SplitConfig['groupBy'],
  recordings: readonly Pick<Recording, 'session'>[],
): GroupBy {
  if (groupBy !== 'auto') return groupBy;
  return recordings.some((recording) => recording.session !== null) ? 'session' : 'recording';
}

/**
 * Connected components of "has the same sound", "has the same group key" and "is of the same session", or of the same
 * recorder and date, sorted by id. The order of the recordings does not matter.
 */
export function groupRecordings(recordings: readonly GroupedRecording[], groupBy: GroupBy): readonly Group[] {
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
    const session = groupBy === 'session' ? recording.session : null;
    if (session !== null) keys.push(`session ${session}`);
    const recorderDate = groupBy === 'recorder_date' ? recorderDateOf(recording) : null;
    if (recorderDate !== null) keys.push(`recorder ${recorderDate}`);
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

/**
 * Recorder and date, as far as folders and the file's name tell the recorder: `north/SM4A_20230514_053000.wav` is
 * `north/SM4A 2023-05-14`. Null where the date is not known. The folder of the class is none of a recorder.
 */
export function recorderDateOf({ path, label, recordedAt }: GroupedRecording): string | null {
  const date = /^\d{4}-\d\d-\d\d/.exec(recordedAt ?? '')?.[0];
  if (date === undefined) return null;
  const folders = path.split('/').slice(0, -1);
  return `${[...folders.filter((folder) => folder !== label), recorderFromName(path)].join('/')} ${date}`;
}
