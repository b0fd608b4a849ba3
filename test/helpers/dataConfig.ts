import type { DataConfig, SplitConfig } from '../../src/config/schema.ts';

const none = null;

/** Columns of metadata, none of them named: they are guessed. */
export const guessedColumns: DataConfig['columns'] = {
  path: none,
  label: none,
  background: none,
  session: none,
  group: none,
  date: none,
  recordist: none,
  fold: none,
  licence: none,
};

/** `data` as configs/data has it, for a raw folder and a root of a test. */
export function dataConfig(rawDir: string, root: string, more: Partial<DataConfig> = {}): DataConfig {
  return {
    rawDir,
    root,
    name: 'set',
    metadata: [],
    columns: guessedColumns,
    noEventLabels: ['noise'],
    extensions: ['wav', 'mp3', 'flac', 'ogg', 'opus', 'm4a'],
    channel: 'mean',
    maxFileBytes: 1e9,
    maxDurationS: 3600,
    maxChannels: 4,
    maxSampleRateHz: 400000,
    workers: none,
    ...more,
  };
}

export const splitConfig: SplitConfig = {
  groupBy: 'auto',
  valRatio: 0.2,
  testRatio: 0.2,
  seed: 4,
  folds: none,
  fold: none,
};
