import { stat } from 'node:fs/promises';
import { AutobirdError } from '../../../bindings/errors.ts';
import { configuredDrift } from '../../drift/configuredDrift.ts';
import { writeDriftCsv } from '../../drift/csvRows.ts';
import { type DriftResult, detectDrift } from '../../drift/detectDrift.ts';
import { driftToJson } from '../../drift/driftToJson.ts';
import { readSide } from '../../drift/readSide.ts';
import { writeFileAtomic } from '../../files.ts';
import { driftPage } from '../../reports/driftPage.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { namingRuns } from '../knownRuns.ts';
import { flagOverrides, pathAndOverrides } from '../overrides.ts';

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
        'Folder of recordings, CSV file of rows or DATASET:SIDE[:SPLIT], and overrides such as features=reference clips.hop_s=5',
    },
  },
  options: {
    reference: {
      alias: 'r',
      type: 'string',
      describe: 'What it is compared with: a checkpoint, a run, or the same kinds',
    },
    html: { type: 'string', describe: 'Write a page to this file' },
    save: { type: 'string', describe: 'Write the rows of the current recordings to this CSV file' },
    window: { type: 'number', describe: 'Rows of a window of the trend [200]' },
    'fail-on-drift': { type: 'boolean', default: false, describe: 'Exit with 1 when the dataset has drifted' },
    'config-dir': configDirOption,
  },
  examples: [
    [
      'drift field/ --reference runs/2026-05-01/06-30-00',
      'new recordings, predicted by a model, against those it was trained on',
    ],
    ['drift field/ --reference mybirds:train', 'new recordings against the training side of a dataset'],
    ['drift may.csv -r april.csv --html drift.html --fail-on-drift', 'two tables, for a scheduled job'],
  ],
  epilogue:
    'Tests, thresholds and the rule for the dataset are those of Evidently 0.7 (docs/drift.md). A checkpoint ' +
    'brings its features and clips; without one both sides must be made with the same. Exit codes: 0 compared, 1 failed (or drifted, with --fail-on-drift), 2 wrong usage.',
  async run(args, io) {
    const note = (line: string) => io.progress.note(line);
    const { path, overrides } = await pathAndOverrides(args.current, 'folder, CSV file or DATASET:SIDE', note);
    const flags = flagOverrides({
      'drift.current': path,
      'drift.reference': args.reference,
      'drift.window.rows': args.window,
      'drift.window.min_rows': args.window === undefined ? undefined : Math.min(args.window, 30),
    });
    const config = configWithoutRawDir(args, [...overrides, ...flags]);
    const { reference: referenceName, current: currentName } = config.drift;
    if (referenceName === null || currentName === null) throw new UsageError(whatToCompare);
    for (const name of [referenceName, currentName]) await checkIsThere(name, config.run.root);
    const options = { config, signal: io.signal, onProgress: io.progress.report };
    using reference = await readSide(referenceName, options);
    using current = await readSide(currentName, { ...options, model: reference.checkpoint });
    io.progress.end();
    for (const { recording, error } of [...reference.failed, ...current.failed]) {
      io.progress.note(`${recording}: ${error.message}`);
    }
    for (const line of [...reference.notes, ...current.notes]) note(line);
    const { heldOut } = reference;
    const result = detectDrift(reference.rows, current.rows, { ...configuredDrift(config.drift), heldOut });
    if (args.save !== undefined) await writeDriftCsv(args.save, current.rows);
    if (args.html !== undefined) {
      await writeFileAtomic(args.html, driftPage(result, { reference: referenceName, current: currentName }));
    }
    io.out(io.json ? `${JSON.stringify(driftToJson(result))}\n` : described(result, io));
    return args['fail-on-drift'] && result.drift.datasetDrift ? exitCodes.failed : exitCodes.ok;
  },
};

const whatToCompare =
  'Expected what to compare and with what: autobird drift FOLDER|CSV|DATASET:SIDE --reference CHECKPOINT|RUN|FOLDER|CSV|DATASET:SIDE';

/** Before the other side is read, which may take long. `DATASET:SIDE` is looked for by name. */
async function checkIsThere(name: string, runsRoot: string): Promise<void> {
  if (name.includes(':')) return;
  await namingRuns(runsRoot, async () => {
    const found = await stat(name).catch(() => null);
    if (found === null) throw new AutobirdError('not_found', `There is no ${name} to compare: check the name`);
  });
}

function described(
  { drift: found, leftOut, corrected, referenceRows, currentRows, classes, trend }: DriftResult,
  io: CommandIo,
): string {
  const effects = new Map(corrected.map((one) => [one.name, one]));
  const lines = [
    `Dataset drift is ${found.datasetDrift ? 'detected' : 'NOT detected'}: ${found.driftedColumns} of ${found.columns.length} columns drifted (threshold ${found.driftShare}).`,
    `${currentRows} rows against ${referenceRows}.`,
  ];
  for (const { name, reason } of leftOut) lines.push(`Not compared: ${name} (${reason}).`);
  const drifted = classes.filter((one) => one.drifted).map(({ label }) => label);
  if (drifted.length > 0) lines.push(`Classes that drifted: ${drifted.join(', ')}.`);
  const alarmed = trend.findIndex(({ alarm }) => alarm);
  if (trend.length > 1) {
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
