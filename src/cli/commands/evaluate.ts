import { basename, dirname, join, resolve } from 'node:path';
import { type Checkpoint, readCheckpoint } from '../../checkpoint/readCheckpoint.ts';
import type { EvaluationConfig } from '../../config/schema.ts';
import { Dataset } from '../../data/dataset.ts';
import { splitHash } from '../../data/split.ts';
import type { Side, Split } from '../../domain.ts';
import { evaluate as evaluateCheckpoint } from '../../evaluation/evaluate.ts';
import { percent } from '../../formats/percentAndClock.ts';
import { describeTrainedOn } from '../../reports/describeReport.ts';
import { type Report, reportSchema } from '../../reports/report.ts';
import { encode } from '../../schema/case.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { chosenCheckpoint } from '../knownRuns.ts';
import { pathAndOverrides } from '../overrides.ts';
import { type RuntimeArgs, runtimeOptions } from '../runtimeOptions.ts';

interface EvaluateArgs extends ConfigArgs, RuntimeArgs {
  readonly run: readonly string[];
  readonly dataset: string | undefined;
  readonly split: string | undefined;
  readonly side: Side;
  readonly output: string | undefined;
  readonly threads: number | undefined;
}

export const evaluate: Command<EvaluateArgs> = {
  command: 'evaluate [run..]',
  describe: 'Evaluate a run or checkpoint on the test recordings of its split',
  positionals: {
    run: {
      type: 'string',
      array: true,
      describe: 'Run folder or checkpoint file [newest run], and overrides such as evaluation.mistakes=20',
    },
  },
  options: {
    dataset: { type: 'string', describe: 'Name of another dataset than the one it was trained on' },
    split: { type: 'string', describe: 'Name of another split' },
    side: { choices: ['train', 'val', 'test'] as const, default: 'test', describe: 'Recordings to evaluate on' },
    output: {
      alias: 'o',
      type: 'string',
      describe: 'Folder for report.html, report.json, confusion.csv [the run; of other data RUN/evaluations/…]',
    },
    ...runtimeOptions,
    threads: { type: 'number', describe: 'Threads of the network [one a core]' },
    'config-dir': configDirOption,
  },
  examples: [
    ['evaluate', 'the newest run again'],
    ['evaluate --side val', 'its validation recordings, in a report beside that of the run'],
    [
      'evaluate best.safetensors --dataset other --split session-val10-test15-seed4 -o other/',
      'a checkpoint on the test recordings of another dataset',
    ],
  ],
  async run(args, io) {
    const note = (line: string) => io.progress.note(line);
    const { path: run, overrides } = await pathAndOverrides(args.run, 'run or checkpoint', note);
    const config = configWithoutRawDir(args, overrides);
    const checkpoint = await readCheckpoint(await chosenCheckpoint(run, config.run.root, note));
    const { metadata } = checkpoint;
    const dataset = await Dataset.open(join(config.data.root, args.dataset ?? metadata.dataset.name));
    const split = await dataset.split(args.split ?? metadata.dataset.split);
    const dir = args.output ?? reportDir(checkpoint, dataset, split, args.side);
    const report = await evaluateCheckpoint({
      checkpoint,
      dataset,
      split,
      side: args.side,
      outputDir: dir,
      signal: io.signal,
      onProgress: io.progress.report,
      device: args.device,
      precision: args.precision,
      threads: args.threads,
      evaluation: overriddenSettings(config.evaluation, overrides),
    });
    io.progress.end();
    const page = join(dir, 'report.html');
    if (io.json) {
      note(`Report: ${page}`);
      io.out(`${JSON.stringify(encode(reportSchema, report))}\n`);
    } else io.out(`${figures(report, io)}Report      ${page}\n`);
    return undefined;
  },
};

/** What overrides say; the rest stays as the checkpoint was trained with. */
function overriddenSettings({ audio, calibrationBins, mistakes }: EvaluationConfig, overrides: readonly string[]) {
  const given = (key: string) => overrides.some((text) => new RegExp(`^\\+*evaluation(?:\\.${key})?=`).test(text));
  return {
    audio: given('audio') ? audio : undefined,
    calibrationBins: given('calibration_bins') ? calibrationBins : undefined,
    mistakes: given('mistakes') ? mistakes : undefined,
  };
}

/** The run's own report is of its best checkpoint on its own test recordings; any other is written beside it. */
function reportDir({ path, metadata }: Checkpoint, { manifest }: Dataset, split: Split, side: Side): string {
  const folder = dirname(resolve(path));
  if (basename(folder) !== 'checkpoints') {
    throw new UsageError(`Expected --output FOLDER: ${path} is not in a run, which would have a place for the report`);
  }
  const { id, name, split: ownSplit, splitHash: ownHash = splitHash(split) } = metadata.dataset;
  const checkpoint = basename(path, '.safetensors');
  const other = [
    ...(checkpoint === 'best' ? [] : [checkpoint]),
    ...(manifest.id === id ? [] : [manifest.name === name ? `${name}-${manifest.id}` : manifest.name]),
    ...(split.name === ownSplit && splitHash(split) === ownHash && side === 'test' ? [] : [split.name, side]),
  ];
  const run = dirname(folder);
  return other.length === 0 ? run : join(run, 'evaluations', other.join('-'));
}

function figures(report: Report, { width }: CommandIo): string {
  const { recordings, clips, calibration } = report;
  const rows = [
    ['evaluated', String(recordings.items), String(clips.items)],
    ['accuracy', percent(recordings.accuracy), percent(clips.accuracy)],
    ['balanced accuracy', percent(recordings.balancedAccuracy), percent(clips.balancedAccuracy)],
    ['macro F1', recordings.macroF1.toFixed(3), clips.macroF1.toFixed(3)],
    ['right among the best 3', percent(recordings.top3), percent(clips.top3)],
  ];
  const error = (side: { expectedCalibrationError: number }) => side.expectedCalibrationError.toFixed(3);
  return (
    columns(
      rows,
      [
        { title: `${report.dataset.name}, ${report.split}`, flexible: true, value: (row) => row[0] ?? '' },
        { title: 'RECORDINGS', align: 'right', value: (row) => row[1] ?? '' },
        { title: 'CLIPS', align: 'right', value: (row) => row[2] ?? '' },
      ],
      width,
    ) +
    describeTrainedOn(report)
      .map((line) => `\n${line}`)
      .join('') +
    `\nAlways naming the largest class: ${percent(report.largestClassShare)} right.\n` +
    `Calibration error ${error(calibration.before)}, ${error(calibration.after)} after temperature ${calibration.temperature.toFixed(2)} (${calibration.aggregation}).\n`
  );
}
