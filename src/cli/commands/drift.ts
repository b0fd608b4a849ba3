import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShardSet } from '../../../bindings/index.ts';
import { decodeLimits } from '../../audio/limits.ts';
import type { Config } from '../../config/schema.ts';
import { Dataset } from '../../data/dataset.ts';
import type { FailedPrediction, Side } from '../../domain.ts';
import { readDriftCsv, writeDriftCsv } from '../../drift/csvRows.ts';
import { type DriftResult, type DriftRow, detectDrift } from '../../drift/detectDrift.ts';
import { driftPage } from '../../drift/driftPage.ts';
import { driftToJson } from '../../drift/driftToJson.ts';
import { driftFeatures, type RecordingRow, recordingRows } from '../../drift/recordingRows.ts';
import { writeFileAtomic } from '../../files.ts';
import { collectRecordings } from '../../prediction/collectRecordings.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { looksLikeOverride } from '../overrides.ts';

interface DriftArgs extends ConfigArgs {
  readonly current: readonly string[];
  readonly reference: string | undefined;
  readonly html: string | undefined;
  readonly save: string | undefined;
  readonly window: number | undefined;
  readonly 'fail-on-drift': boolean;
}

export const drift: Command<DriftArgs> = {
  command: 'drift [current..]',
  describe: 'Compare recordings with those a model was trained on',
  positionals: {
    current: {
      type: 'string',
      array: true,
      describe:
        'Folder of recordings, CSV file of rows or DATASET:SIDE, and overrides such as features=reference clips.hop_s=5',
    },
  },
  options: {
    reference: { alias: 'r', type: 'string', describe: 'The same kinds: what it is compared with' },
    html: { type: 'string', describe: 'Write a page to this file' },
    save: { type: 'string', describe: 'Write the rows of the current recordings to this CSV file' },
    window: { type: 'number', describe: 'Rows of a window: also show the trend over time and an alarm' },
    'fail-on-drift': { type: 'boolean', default: false, describe: 'Exit with 1 when the dataset has drifted' },
    'config-dir': configDirOption,
  },
  examples: [
    ['drift field/ --reference mybirds:train', 'new recordings against the training side of a dataset'],
    ['drift may.csv -r april.csv --html drift.html --fail-on-drift', 'two tables, for a scheduled job'],
  ],
  epilogue:
    'Tests, thresholds and the rule for the whole are those of Evidently 0.7 (docs/drift.md). Both sides must be made with ' +
    'the same features and clips. Exit codes: 0 compared, 1 failed (or drifted, with --fail-on-drift), 2 wrong usage.',
  async run(args, io) {
    const words: string[] = [];
    const overrides: string[] = [];
    for (const word of args.current) {
      const isFile = (await stat(word).catch(() => null)) !== null;
      (isFile || !looksLikeOverride(word) ? words : overrides).push(word);
    }
    const [currentName] = words;
    if (currentName === undefined || words.length > 1 || args.reference === undefined) {
      throw new UsageError(
        'Expected what to compare and with what: autobird drift FOLDER|CSV|DATASET:SIDE --reference FOLDER|CSV|DATASET:SIDE',
      );
    }
    const config = configWithoutRawDir(args, overrides);
    const reference = await readSide(args.reference, config, io);
    const current = await readSide(currentName, config, io);
    io.progress.end();
    for (const { recording, error } of [...reference.failed, ...current.failed]) {
      io.progress.note(`${recording}: ${error.message}`);
    }
    const result = detectDrift(
      reference.rows,
      current.rows,
      args.window === undefined ? {} : { windowRows: args.window },
    );
    if (args.save !== undefined) await writeDriftCsv(args.save, withNames(current.rows));
    if (args.html !== undefined) {
      await writeFileAtomic(args.html, driftPage(result, { reference: args.reference, current: currentName }));
    }
    io.out(io.json ? `${JSON.stringify(driftToJson(result))}\n` : described(result, io));
    return args['fail-on-drift'] && result.drift.datasetDrift ? exitCodes.failed : exitCodes.ok;
  },
};

interface ReadSide {
  readonly rows: readonly DriftRow[];
  readonly failed: readonly FailedPrediction[];
}

async function readSide(name: string, config: Config, io: CommandIo): Promise<ReadSide> {
  const [, dataset, side] = /^([\w][\w.-]*):(train|val|test)$/.exec(name) ?? [];
  if (dataset !== undefined) return { rows: await datasetRows(dataset, side as Side, config, io), failed: [] };
  if (/\.csv$/i.test(name)) return { rows: await readDriftCsv(name), failed: [] };
  const found = await collectRecordings([name], config.data.extensions);
  const rows: RecordingRow[] = [];
  const failed: FailedPrediction[] = [...found.failed];
  const { lengthS, hopS, padLast } = config.clips;
  const options = {
    features: config.features,
    clips: { lengthS, hopS, padLast },
    limits: decodeLimits(config.data),
    signal: io.signal,
    onProgress: io.progress.report,
  };
  for await (const row of recordingRows(found.paths, options)) {
    if ('error' in row) failed.push(row);
    else rows.push(row);
  }
  return { rows, failed };
}

/** From the shards: nothing is decoded again. The label is the target. */
async function datasetRows(name: string, side: Side, config: Config, io: CommandIo): Promise<RecordingRow[]> {
  const dataset = await Dataset.open(join(config.data.root, name));
  const split = (await dataset.newestSplit()) ?? (await dataset.makeSplit(config.split));
  const recordings = dataset.onSide(split, side);
  const features = { ...config.features, sampleRateHz: dataset.manifest.sampleRateHz };
  using shards = ShardSet.open(await dataset.shardEntries(recordings), features);
  const rows: RecordingRow[] = [];
  for (const [i, { path, label, recordedAt, sampleCount }] of recordings.entries()) {
    io.signal.throwIfAborted();
    async function* samples() {
      yield await shards.readPcm(i, 0, sampleCount);
    }
    const values = await driftFeatures(samples(), { features, clips: config.clips, signal: io.signal });
    rows.push({ recording: path, values: { ...values, target: label }, at: recordedAt });
    io.progress.report({ stage: 'features', done: i + 1, total: recordings.length, message: path });
  }
  return rows;
}

function withNames(rows: readonly DriftRow[]): RecordingRow[] {
  return rows.map((row, i) => ({ recording: String(i + 1), ...row }));
}

function described(
  { drift: found, corrected, referenceRows, currentRows, classes, trend }: DriftResult,
  io: CommandIo,
): string {
  const effects = new Map(corrected.map((one) => [one.name, one]));
  const lines = [
    `Dataset drift is ${found.datasetDrift ? 'detected' : 'NOT detected'}: ${found.driftedColumns} of ${found.columns.length} columns drifted (threshold ${found.driftShare}).`,
    `${currentRows} rows against ${referenceRows}.`,
  ];
  const drifted = classes.filter((one) => one.drifted).map(({ label }) => label);
  if (drifted.length > 0) lines.push(`Classes that drifted: ${drifted.join(', ')}.`);
  const alarmed = trend.findIndex(({ alarm }) => alarm);
  if (trend.length > 0) {
    lines.push(
      alarmed < 0
        ? `No alarm in ${trend.length} windows.`
        : `Alarm from window ${alarmed + 1} of ${trend.length} on (${trend[alarmed]?.from ?? 'no time known'}).`,
    );
  }
  const rows = found.columns.map(({ name, displayName, score, drifted: is }) => {
    const effect = effects.get(name)?.effect;
    return [
      name,
      displayName,
      score.toFixed(6),
      is ? 'yes' : 'no',
      effect ? `${effect.value.toFixed(3)} ${effect.size}` : '',
    ];
  });
  return `${columns(
    rows,
    [
      { title: 'COLUMN', flexible: true, value: (row) => row[0] ?? '' },
      { title: 'TEST', value: (row) => row[1] ?? '' },
      { title: 'SCORE', align: 'right', value: (row) => row[2] ?? '' },
      { title: 'DRIFT', value: (row) => row[3] ?? '' },
      { title: 'EFFECT', value: (row) => row[4] ?? '' },
    ],
    io.width,
  )}\n${lines.join('\n')}\n`;
}
