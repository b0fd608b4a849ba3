/**
 * Which recordings are learned from, which choose the model and which judge it. Whole groups go to one side
 * (`groups.ts`); ratios are met in recordings within the size of one group (`assignGroups.ts`).
 */
import { createHash } from 'node:crypto';
import { AutobirdError, InvalidArgumentError } from '../../bindings/errors.ts';
import { byCodePoint } from '../byCodePoint.ts';
import type { SplitConfig } from '../config/schema.ts';
import type { Recording, Side, Split, SplitAssignment } from '../domain.ts';
import { groupByOf, groupingCaveat } from '../keptTogether.ts';
import { assignGroups } from './assignGroups.ts';
import { countLabels, type Group, type GroupedRecording, groupRecordings, resolveGroupBy } from './groups.ts';

export const sides: readonly Side[] = ['train', 'val', 'test'];

/** What a class costs by its absence (see `assignGroups.ts`): two groups are train and test, one is train. */
const absence: Readonly<Record<Side, number>> = { train: 30, val: 6, test: 10 };

export interface LeakReport {
  readonly ok: boolean;
  readonly groups: number;
  /** Groups that are on several sides: possible only where the metadata's fold column says so. */
  readonly crossing: readonly {
    readonly group: string;
    readonly paths: readonly string[];
    readonly sides: readonly Side[];
  }[];
  /** Recordings of one place may be on two sides for all that is known. */
  readonly caveat: string | null;
  /** One line for people. */
  readonly message: string;
}

/**
 * Splits recordings by ratios, or by folds when `folds` or `fold` is given: then `fold` is the test fold (default 0), and
 * validation is drawn by group from the rest. A fold column in the metadata is respected as it stands; without one, folds
 * are made by group, stratified. The result depends on the recordings and the options, not on the order of either.
 *
 * @throws InvalidArgumentError for ratios that leave nothing to train on, or folds that do not exist
 */
export function makeSplit(recordings: readonly GroupedRecording[], config: SplitConfig, datasetId: string): Split {
  checkRatios(config);
  const groupBy = resolveGroupBy(config.groupBy, recordings);
  const groups = groupRecordings(recordings, groupBy);
  const plan = byFolds(config) ? splitByFold(groups, config) : splitByRatio(groups, config);
  const groupOf = new Map(groups.flatMap((group) => group.recordings.map((recording) => [recording.path, group.id])));
  const assignments: SplitAssignment[] = [...plan.side]
    .map(([path, side]) => ({ path, side, group: groupOf.get(path) as string }))
    .sort((a, b) => byCodePoint(a.path, b.path));
  const used = sides.filter((side) => assignments.some((assignment) => assignment.side === side));
  return {
    formatVersion: 1,
    name: nameOf(config, groupBy, plan.folds),
    datasetId,
    options: { ...config, groupBy, folds: plan.folds?.count ?? null, fold: plan.folds?.test ?? null },
    assignments,
    counts: Object.fromEntries(
      sides.map((side) => [side, assignments.filter((assignment) => assignment.side === side).length]),
    ) as Record<Side, number>,
    missing: findMissing(recordings, plan.side, used),
    unassigned: plan.unassigned,
  };
}

/** Of which recording is on which side, 16 hex digits: tells assignments of one name apart. */
export function splitHash({ assignments }: Pick<Split, 'assignments'>): string {
  const sidesOfPaths = assignments.map(({ path, side }) => [path, side]);
  return createHash('sha256').update(JSON.stringify(sidesOfPaths)).digest('hex').slice(0, 16);
}

/** Looks, independently of how a split was made, whether copies, sessions or groups are on more than one side. */
export function checkNoLeak(split: Split, recordings: readonly GroupedRecording[]): LeakReport {
  const groupBy = groupByOf(split);
  const sideOf = new Map(split.assignments.map((assignment) => [assignment.path, assignment.side]));
  const assigned = recordings.filter((recording) => sideOf.has(recording.path));
  const groups = groupRecordings(assigned, groupBy);
  const crossing = groups
    .map((group) => ({
      group: group.id,
      paths: group.recordings.map((recording) => recording.path),
      sides: sides.filter((side) => group.recordings.some((recording) => sideOf.get(recording.path) === side)),
    }))
    .filter((group) => group.sides.length > 1);
  const what = {
    session: 'copies, sessions and groups',
    recorder_date: 'copies, groups and recordings of one recorder and date',
    recording: 'copies and groups',
  }[groupBy];
  const first = crossing[0];
  const message =
    first === undefined
      ? `No leak: ${assigned.length} recordings in ${groups.length} groups (${what}), none on two sides`
      : `LEAK: ${crossing.length} of ${groups.length} groups (${what}) are on more than one side, as the fold column says; e.g. ${first.paths.slice(0, 2).join(' and ')} (${first.sides.join(', ')})`;
  return { ok: first === undefined, groups: groups.length, crossing, caveat: groupingCaveat(groupBy), message };
}

interface Plan {
  readonly side: ReadonlyMap<string, Side>;
  readonly unassigned: Split['unassigned'];
  readonly folds: { readonly count: number; readonly test: number; readonly given: boolean } | null;
}

function byFolds(config: SplitConfig): boolean {
  return config.folds !== null || config.fold !== null;
}

function checkRatios(config: SplitConfig): void {
  const test = byFolds(config) ? 0 : config.testRatio;
  if (config.valRatio + test >= 1) {
    throw new InvalidArgumentError(
      `Expected split.val_ratio${byFolds(config) ? '' : ' + split.test_ratio'} below 1 but received ${config.valRatio + test}: nothing would be left to train on`,
    );
  }
}

function splitByRatio(groups: readonly Group[], config: SplitConfig): Plan {
  const share = { train: 1 - config.valRatio - config.testRatio, val: config.valRatio, test: config.testRatio };
  const assigned = assignGroups(
    groups,
    sides.map((side) => ({ share: share[side], absence: absence[side] })),
    config.seed,
  );
  return {
    side: spread(groups, (g) => sides[assigned[g] as number] as Side),
    unassigned: [],
    folds: null,
  };
}

function splitByFold(groups: readonly Group[], config: SplitConfig): Plan {
  const recordings = groups.flatMap((group) => group.recordings);
  const given = recordings.some((recording) => recording.fold !== null);
  const names = [...new Set(recordings.flatMap(({ fold }) => (fold === null ? [] : [fold])))].sort(byNumberOrName);
  const count = given ? names.length : config.folds;
  if (count === null) {
    throw new InvalidArgumentError(
      `Expected split.folds with split.fold=${config.fold}: the metadata has no fold column, so say how many folds to make`,
    );
  }
  if (given && config.folds !== null && config.folds !== count) {
    throw new InvalidArgumentError(
      `Expected split.folds=${count}, as many as the metadata's fold column has (${names.join(', ')}), but received ${config.folds}: leave split.folds out, or say data.columns.fold="" to make other folds`,
    );
  }
  const test = config.fold ?? 0;
  if (count < 2) throw new InvalidArgumentError(`Expected at least 2 folds but received ${count}`);
  if (test >= count) {
    throw new InvalidArgumentError(`Expected split.fold from 0 to ${count - 1} but received ${test}`);
  }
  const foldOf = given
    ? new Map(recordings.map(({ path, fold }) => [path, fold === null ? -1 : names.indexOf(fold)]))
    : ownFolds(groups, count, config.seed);
  const side = new Map<string, Side>();
  const rest: Group[] = [];
  for (const group of groups) {
    const others: GroupedRecording[] = [];
    for (const recording of group.recordings) {
      const fold = foldOf.get(recording.path);
      if (fold === test) side.set(recording.path, 'test');
      else if (fold !== -1) others.push(recording);
    }
    if (others.length > 0) rest.push(...groupRecordingsAgain(group, others));
  }
  const drawn = assignGroups(
    rest,
    [
      { share: 1 - config.valRatio, absence: absence.train },
      { share: config.valRatio, absence: absence.val },
    ],
    config.seed,
  );
  for (const [path, s] of spread(rest, (g) => (drawn[g] === 0 ? 'train' : 'val'))) side.set(path, s);
  return {
    side,
    unassigned: recordings
      .filter(({ path }) => foldOf.get(path) === -1)
      .map(({ path }) => ({ path, reason: 'The metadata gives it no fold' }))
      .sort((a, b) => byCodePoint(a.path, b.path)),
    folds: { count, test, given },
  };
}

/** What a given test fold left of a group stays one group. */
function groupRecordingsAgain(group: Group, recordings: readonly GroupedRecording[]): Group[] {
  if (recordings.length === group.recordings.length) return [group];
  return [{ id: (recordings[0] as GroupedRecording).path, recordings, classes: countLabels(recordings) }];
}

function ownFolds(groups: readonly Group[], count: number, seed: number): Map<string, number> {
  if (groups.length < count) {
    throw new AutobirdError(
      'too_few_groups',
      `Expected at least ${count} groups for split.folds=${count} but the recordings form ${groups.length}: set fewer folds, or split.group_by=recording if sessions need not be kept apart`,
    );
  }
  const folds = Array.from({ length: count }, () => ({ share: 1 / count, absence: 1 }));
  const assigned = assignGroups(groups, folds, seed);
  return spread(groups, (g) => assigned[g] as number);
}

function spread<T>(groups: readonly Group[], value: (g: number) => T): Map<string, T> {
  return new Map(groups.flatMap((group, g) => group.recordings.map(({ path }) => [path, value(g)] as const)));
}

function findMissing(
  recordings: readonly Pick<Recording, 'path' | 'label'>[],
  side: ReadonlyMap<string, Side>,
  used: readonly Side[],
): Split['missing'] {
  const present = new Map<string, Set<Side>>();
  for (const { path, label } of recordings) {
    const set = present.get(label) ?? new Set<Side>();
    present.set(label, set);
    const s = side.get(path);
    if (s !== undefined) set.add(s);
  }
  return [...present]
    .map(([label, set]) => ({ label, sides: used.filter((s) => !set.has(s)) }))
    .filter((missing) => missing.sides.length > 0)
    .sort((a, b) => byCodePoint(a.label, b.label));
}

function nameOf(config: SplitConfig, groupBy: string, folds: Plan['folds']): string {
  const percent = (ratio: number) => String(Number((ratio * 100).toFixed(4)));
  const tail = `val${percent(config.valRatio)}`;
  if (folds === null) return `${groupBy}-${tail}-test${percent(config.testRatio)}-seed${config.seed}`;
  return `${groupBy}-${folds.given ? 'given' : ''}fold${folds.test}of${folds.count}-${tail}-seed${config.seed}`;
}

function byNumberOrName(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isFinite(x) && Number.isFinite(y) ? x - y || byCodePoint(a, b) : byCodePoint(a, b);
}
