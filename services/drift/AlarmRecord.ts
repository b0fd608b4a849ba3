import { Alarm, type AlarmMemory, type AlarmOptions, type TrendPoint } from '../../src/service.ts';

/** The alarm after a window, with what led to it. */
export interface AlarmRecord extends AlarmMemory {
  /** End of the window that raised or ended it; null before the first change. */
  readonly since: string | null;
  /** What raised it, for people; null while it is not raised. */
  readonly why: string | null;
  /** The columns that had drifted in the window that raised it. */
  readonly columns: readonly string[];
}

export const quiet: AlarmRecord = { raised: false, levels: [], since: null, why: null, columns: [] };

/** The alarm after the next window. */
export function nextAlarm(
  before: AlarmRecord,
  point: Omit<TrendPoint, 'alarm'>,
  options: Required<AlarmOptions>,
): AlarmRecord {
  const alarm = new Alarm(options, before);
  const { raised, changed } = alarm.add(point.shareOfDriftedColumns);
  if (!changed) return { ...before, ...alarm.memory };
  const { raiseAt, windows, of } = options;
  const why = `${windows} of the last ${of} windows had a share of drifted columns of ${raiseAt} or more; in the newest: ${point.driftedColumns.join(', ') || 'none'}`;
  return {
    ...alarm.memory,
    since: point.to,
    why: raised ? why : null,
    columns: raised ? point.driftedColumns : [],
  };
}
