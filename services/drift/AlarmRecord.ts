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

/** What a webhook is told when the alarm is raised or ended: `text` for people (Slack, Mattermost), the rest for programs. */
export function alarmNotice(
  { raised, since, why }: AlarmRecord,
  { from, to, rows, shareOfDriftedColumns, driftedColumns }: Omit<TrendPoint, 'alarm'>,
  modelVersion: string | null,
): string {
  const percent = Math.round(100 * shareOfDriftedColumns);
  const columns = driftedColumns.length > 0 ? `: ${driftedColumns.join(', ')}` : '';
  const model = modelVersion === null ? '' : ` (model ${modelVersion})`;
  const text = `autobird: drift alarm ${raised ? 'raised' : 'cleared'}${model}. In the window to ${to} ${percent} % of the columns have drifted${columns}.`;
  return JSON.stringify({
    text,
    service: 'autobird-drift',
    event: raised ? 'raised' : 'cleared',
    since,
    why,
    window: { from, to, rows },
    share_of_drifted_columns: shareOfDriftedColumns,
    drifted_columns: driftedColumns,
    model_version: modelVersion,
  });
}

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
