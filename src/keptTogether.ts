/** What stays on one side of a split, and what may be on two all the same. */
import type { SplitConfig } from './config/schema.ts';
import type { Split } from './domain.ts';

/** What is kept together besides copies and the metadata's groups. */
export type GroupBy = Exclude<SplitConfig['groupBy'], 'auto'>;

/** How the groups of a split were made. */
export function groupByOf({ options }: Pick<Split, 'options'>): GroupBy {
  const { groupBy } = options;
  return groupBy === 'session' || groupBy === 'recorder_date' ? groupBy : 'recording';
}

/** What may be on two sides all the same, for people; null where nothing that is known may. */
export function groupingCaveat(groupBy: GroupBy): string | null {
  return {
    session: null,
    recorder_date: null,
    recording:
      'Split by recording only: sessions that share a place and a microphone may be on two sides, which flatters the figures.',
  }[groupBy];
}
