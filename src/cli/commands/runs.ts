import { join } from 'node:path';
import { readCheckpoint } from '../../checkpoint/readCheckpoint.ts';
import { percent } from '../../formats/percentAndClock.ts';
import type { ListedRun } from '../../run/listRuns.ts';
import { listRuns, openRun } from '../../run/listRuns.ts';
import { type RunSummary, summarizeRun } from '../../run/summarizeRun.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { namingRuns } from '../knownRuns.ts';

interface RunsArgs extends ConfigArgs {
  readonly action: 'list' | 'show';
  readonly run: string | undefined;
  readonly root: string | undefined;
}

export const runs: Command<RunsArgs> = {
  command: 'runs [action] [run]',
  describe: 'List runs, or show one',
  positionals: {
    action: { choices: ['list', 'show'] as const, default: 'list' as const },
    run: { type: 'string', describe: 'Run folder, to show [newest]' },
  },
  options: {
    root: { type: 'string', describe: 'Folder of runs [run.root]' },
    'config-dir': configDirOption,
  },
  examples: [
    ['runs', 'all runs, newest first'],
    ['runs show runs/2026-05-01/06-30-00', 'what it learned from what, epoch by epoch'],
  ],
  async run(args, io) {
    const { run } = args;
    const root = args.root ?? configWithoutRawDir(args, []).run.root;
    if (args.action === 'list') {
      if (run !== undefined)
        throw new UsageError(`autobird runs list takes no run: did you mean autobird runs show ${run}?`);
      return list(root, io);
    }
    return show(await (run === undefined ? newest(root, io) : namingRuns(root, () => openRun(run))), io);
  },
};

async function list(root: string, io: CommandIo): Promise<undefined> {
  const summaries = await Promise.all((await listRuns(root, (line) => io.progress.note(line))).map(summarizeRun));
  noteDamage(summaries, io);
  if (io.json) {
    io.out(`${JSON.stringify(summaries.map(toJson))}\n`);
  } else if (summaries.length === 0) {
    io.out(`No runs in ${root} yet: autobird train makes one.\n`);
  } else {
    io.out(
      columns<RunSummary>(
        summaries,
        [
          { title: 'RUN', flexible: true, value: ({ run }) => run },
          { title: 'STATE', value: stateOf },
          { title: 'EPOCHS', align: 'right', value: ({ epochs }) => String(epochs) },
          { title: 'VAL', align: 'right', value: ({ valAccuracy }) => percent(valAccuracy) },
          { title: 'TEST', align: 'right', value: ({ testAccuracy }) => percent(testAccuracy) },
          { title: 'BALANCED', align: 'right', value: ({ testBalancedAccuracy }) => percent(testBalancedAccuracy) },
        ],
        io.width,
      ),
    );
  }
  return undefined;
}

/** One damaged file must not hide the other runs: its run is listed with what could be read. */
function noteDamage(summaries: readonly RunSummary[], io: CommandIo): void {
  for (const { run, damaged } of summaries) {
    for (const reason of damaged) io.progress.note(`Damaged run ${run}: ${reason}`);
  }
}

const stateOf = ({ finished, damaged }: RunSummary) =>
  `${finished ? 'finished' : 'unfinished'}${damaged.length > 0 ? ', damaged' : ''}`;

const toJson = (summary: RunSummary) => ({
  run: summary.run,
  created_at: summary.createdAt,
  finished: summary.finished,
  epochs: summary.epochs,
  val_accuracy: summary.valAccuracy,
  test_accuracy: summary.testAccuracy,
  test_balanced_accuracy: summary.testBalancedAccuracy,
  damaged: summary.damaged,
});

async function newest(root: string, io: CommandIo): Promise<ListedRun> {
  const [first] = await listRuns(root, (line) => io.progress.note(line));
  if (first === undefined) throw new UsageError(`There are no runs in ${root} yet: autobird train makes one`);
  return first;
}

async function show(listed: ListedRun, io: CommandIo): Promise<undefined> {
  const { run } = listed;
  const summary = await summarizeRun(listed);
  noteDamage([summary], io);
  const metrics = await run.metrics().catch(() => []); // its reason is in the summary
  const checkpoint = await readCheckpoint(run.bestCheckpoint).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  if (io.json) {
    const best = checkpoint && { model_version: checkpoint.modelVersion, labels: checkpoint.metadata.labels };
    io.out(`${JSON.stringify({ ...toJson(summary), dataset: checkpoint?.metadata.dataset.name ?? null, best })}\n`);
    return undefined;
  }
  io.out(
    `Run         ${run.dir}\nCreated     ${summary.createdAt}\nState       ${summary.finished ? 'finished' : 'unfinished: autobird train goes on'}\n`,
  );
  if (checkpoint) {
    const { dataset, labels, noEventLabels, calibration, aggregation, versions } = checkpoint.metadata;
    io.out(
      `Dataset     ${dataset.name} (${dataset.id}), split ${dataset.split}\n` +
        `Model       ${checkpoint.modelVersion}, autobird ${versions.autobird}; ${aggregation} of clips, temperature ${calibration.temperature.toFixed(2)}\n` +
        `Labels      ${labels.length}${noEventLabels.length > 0 ? `, of which ${noEventLabels.join(', ')} mean no event` : ''}\n`,
    );
    for (const { label, reason } of dataset.leftOut) io.out(`Left out    ${label}: ${reason}\n`);
  }
  if (summary.testAccuracy !== null) {
    io.out(
      `Test        ${percent(summary.testAccuracy)} right, balanced over classes ${percent(summary.testBalancedAccuracy)}\n`,
    );
    io.out(`Report      ${join(run.dir, 'report.html')}\n`);
  }
  if (metrics.length > 0) {
    const number = (value: number | null, digits: number) => (value === null ? '-' : value.toFixed(digits));
    io.out(
      `\n${columns(
        metrics,
        [
          { title: 'EPOCH', align: 'right', value: ({ epoch }) => String(epoch) },
          { title: 'TRAIN LOSS', align: 'right', value: ({ trainLoss }) => number(trainLoss, 4) },
          { title: 'TRAIN', align: 'right', value: ({ trainAccuracy }) => percent(trainAccuracy) },
          { title: 'VAL LOSS', align: 'right', value: ({ valLoss }) => number(valLoss, 4) },
          { title: 'VAL', align: 'right', value: ({ valAccuracy }) => percent(valAccuracy) },
          { title: 'BALANCED', align: 'right', value: ({ valBalancedAccuracy }) => percent(valBalancedAccuracy) },
          { title: 'SAMPLES/S', align: 'right', value: ({ samplesPerS }) => number(samplesPerS, 0) },
        ],
        io.width,
      )}`,
    );
  }
  return undefined;
}
