/**
 * Whole groups onto sides, so that every side gets its share of the recordings and every class its share on every side.
 *
 * Finding the best assignment is a bin-packing problem; this is greedy (large groups first, each where it lowers the cost
 * most), then single moves while they help, then a repair that guarantees the promise: no side is further from its
 * target, in recordings, than the size of the largest group.
 */
import type { Label } from '../domain.ts';
import { type Random, randomFor } from '../random.ts';
import type { Group } from './groups.ts';

export interface SideTarget {
  /** Share of the recordings, 0 to 1; shares sum to 1. A side with share 0 stays empty. */
  readonly share: number;
  /** What it costs when a class is not on this side; a class of few groups goes where that is dearest. */
  readonly absence: number;
}

/**
 * @param groups sorted by id, so that the result depends on them and the seed only
 * @returns the index of each group's side
 */
export function assignGroups(groups: readonly Group[], sides: readonly SideTarget[], seed: number): number[] {
  let best: { readonly assigned: number[]; readonly cost: number } | null = null;
  // Greedy steps end in different places for different orders; the cheapest counts.
  const attempts = groups.length <= manyGroups ? 24 : 1;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const order = largestFirst(groups, randomFor(seed, 'split', attempt));
    const result = assignInOrder(groups, sides, order);
    if (best === null || result.cost < best.cost - 1e-9) best = result;
  }
  return best?.assigned ?? [];
}

/** With so many groups one order is as good as another. */
const manyGroups = 2000;

function assignInOrder(
  groups: readonly Group[],
  sides: readonly SideTarget[],
  order: readonly number[],
): { readonly assigned: number[]; readonly cost: number } {
  const sums = new Sums(groups, sides);
  const open = sides.map((_, s) => s).filter((s) => (sides[s] as SideTarget).share > 0);
  const assigned = new Array<number>(groups.length).fill(-1);
  for (const g of order) {
    const best = cheapest(open, (s) => sums.costOfAdding(groups[g] as Group, s));
    sums.add(groups[g] as Group, best, 1);
    assigned[g] = best;
  }
  for (let pass = 0, moved = true; moved && pass < 20; pass++) {
    moved = false;
    for (const g of order) {
      const group = groups[g] as Group;
      const from = assigned[g] as number;
      sums.add(group, from, -1);
      const best = cheapest(open, (s) => sums.costOfAdding(group, s));
      const better = sums.costOfAdding(group, best) < sums.costOfAdding(group, from) - 1e-9;
      sums.add(group, better ? best : from, 1);
      if (better) assigned[g] = best;
      moved ||= better;
    }
  }
  repair(groups, assigned, sums, open);
  return { assigned, cost: sums.cost() };
}

/**
 * While a side misses its target by more than the largest group, a group goes from the fullest side to the emptiest: that
 * always lowers the sum of squared deviations, so it ends.
 */
function repair(groups: readonly Group[], assigned: number[], sums: Sums, open: readonly number[]): void {
  const largest = groups.reduce((size, group) => Math.max(size, group.recordings.length), 0);
  for (;;) {
    const excess = open.map((s) => sums.excess(s));
    if (excess.every((deviation) => Math.abs(deviation) <= largest + 1e-6)) return;
    const full = open[excess.indexOf(Math.max(...excess))] as number;
    const empty = open[excess.indexOf(Math.min(...excess))] as number;
    const candidates = groups.map((_, g) => g).filter((g) => assigned[g] === full);
    const g = cheapest(candidates, (candidate) => sums.costOfMoving(groups[candidate] as Group, full, empty));
    sums.add(groups[g] as Group, full, -1);
    sums.add(groups[g] as Group, empty, 1);
    assigned[g] = empty;
  }
}

/** Recordings a side and class, and the cost that the greedy steps lower. */
class Sums {
  private readonly sides: readonly SideTarget[];
  private readonly total: number;
  private readonly onSide: number[];
  private readonly ofClass = new Map<Label, { total: number; onSide: number[] }>();

  constructor(groups: readonly Group[], sides: readonly SideTarget[]) {
    this.sides = sides;
    this.total = groups.reduce((sum, group) => sum + group.recordings.length, 0);
    this.onSide = sides.map(() => 0);
    for (const group of groups) {
      for (const [label, count] of group.classes) {
        const sum = this.ofClass.get(label) ?? { total: 0, onSide: sides.map(() => 0) };
        sum.total += count;
        this.ofClass.set(label, sum);
      }
    }
  }

  add(group: Group, side: number, sign: 1 | -1): void {
    this.onSide[side] = (this.onSide[side] as number) + sign * group.recordings.length;
    for (const [label, count] of group.classes) {
      const { onSide } = this.ofClass.get(label) as { onSide: number[] };
      onSide[side] = (onSide[side] as number) + sign * count;
    }
  }

  /** Recordings above the side's target. */
  excess(side: number): number {
    return (this.onSide[side] as number) - (this.sides[side] as SideTarget).share * this.total;
  }

  /**
   * Change of the cost when a group that is on no side goes to this one. The cost is chi-squared, (n - target)^2 / target,
   * of the side as a whole and of each class on it, plus the side's `absence` for each class that is not there.
   */
  costOfAdding(group: Group, side: number): number {
    const { share, absence } = this.sides[side] as SideTarget;
    const rise = (n: number, target: number, more: number) => (more * (2 * (n - target) + more)) / target;
    let cost = rise(this.onSide[side] as number, share * this.total, group.recordings.length);
    for (const [label, count] of group.classes) {
      const { total, onSide } = this.ofClass.get(label) as { total: number; onSide: number[] };
      const n = onSide[side] as number;
      cost += rise(n, share * total, count) - (n === 0 ? absence : 0);
    }
    return cost;
  }

  /** The whole of what {@link costOfAdding} changes. */
  cost(): number {
    const deviation = (n: number, target: number) => (target > 0 ? (n - target) ** 2 / target : 0);
    let cost = 0;
    this.sides.forEach(({ share, absence }, s) => {
      if (share === 0) return;
      cost += deviation(this.onSide[s] as number, share * this.total);
      for (const { total, onSide } of this.ofClass.values()) {
        cost += deviation(onSide[s] as number, share * total) + (onSide[s] === 0 ? absence : 0);
      }
    });
    return cost;
  }

  costOfMoving(group: Group, from: number, to: number): number {
    this.add(group, from, -1);
    const cost = this.costOfAdding(group, to) - this.costOfAdding(group, from);
    this.add(group, from, 1);
    return cost;
  }
}

/** Roughly by size: large groups late in the order find no room. */
function largestFirst(groups: readonly Group[], random: Random): number[] {
  const weight = groups.map((group) => group.recordings.length * random.between(0.6, 1));
  return groups.map((_, g) => g).sort((a, b) => (weight[b] as number) - (weight[a] as number));
}

/** The first of equals. */
function cheapest(candidates: readonly number[], cost: (candidate: number) => number): number {
  let best = candidates[0] as number;
  let lowest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const value = cost(candidate);
    if (value < lowest) [best, lowest] = [candidate, value];
  }
  return best;
}
