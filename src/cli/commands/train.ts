import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { percent } from '../../formats/percentAndClock.ts';
import type { Run } from '../../run/Run.ts';
import { train as trainRun } from '../../training/train.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfDataset, overridesWord } from '../configuration.ts';
import { namingRuns } from '../knownRuns.ts';
import { flagOverrides } from '../overrides.ts';

interface TrainArgs extends ConfigArgs {
  readonly overrides: readonly string[];
  readonly dataset: string | undefined;
  readonly steps: number | undefined;
  readonly epochs: number | undefined;
  readonly device: 'auto' | 'cpu' | 'cuda' | undefined;
  readonly resume: string | undefined;
}

export const train: Command<TrainArgs> = {
  command: 'train [overrides..]',
  describe: 'Train on a prepared dataset, then evaluate on its test recordings',
  positionals: {
    overrides: overridesWord,
  },
  options: {
    dataset: { type: 'string', describe: 'Name of the dataset (data.name)' },
    steps: { type: 'number', describe: 'How long, in steps of a batch; by itself it fits the set (training.steps)' },
    epochs: { type: 'number', describe: 'How long, in passes over the training clips (training.epochs)' },
    device: { choices: ['auto', 'cpu', 'cuda'] as const, describe: 'training.device' },
    resume: {
      type: 'string',
      describe: 'auto goes on with an unfinished run of the same configuration; never; or a run folder (run.resume)',
    },
    'config-dir': configDirOption,
  },
  examples: [
    ['train --dataset field', 'train on data/field'],
    ['train model=reference optimizer.lr=1e-3', 'another network, another rate'],
    ['train --dataset field experiment=reference', 'the recipe of the reference system'],
  ],
  resumes: true,
  async run(args, io) {
    const flags = flagOverrides({
      'data.name': args.dataset,
      'training.steps': args.steps,
      'training.epochs': args.epochs,
      'training.device': args.device,
      'run.resume': args.resume,
    });
    const overrides = [...args.overrides, ...flags];
    const config = await configOfDataset(args, overrides);
    const run = await namingRuns(config.run.root, () =>
      trainRun({
        config,
        overrides,
        signal: io.signal,
        onProgress: io.progress.report,
        onNote: (line) => io.progress.note(line),
      }),
    );
    io.progress.end();
    await printRun(run, config, io);
    return undefined;
  },
};

async function printRun(run: Run, config: Config, io: CommandIo): Promise<void> {
  const report = await run.report();
  const figures = report?.recordings;
  if (io.json) {
    const test = figures && { accuracy: figures.accuracy, balanced_accuracy: figures.balancedAccuracy };
    io.out(
      `${JSON.stringify({ run: run.dir, checkpoint: run.bestCheckpoint, dataset: config.data.name, test: test ?? null })}\n`,
    );
    return;
  }
  io.out(`Run         ${run.dir}\nCheckpoint  ${run.bestCheckpoint}\n`);
  if (figures) {
    io.out(
      `Test        ${percent(figures.accuracy)} of ${figures.items} recordings right (balanced over classes ${percent(figures.balancedAccuracy)})\n` +
        `Report      ${join(run.dir, 'report.html')}\n`,
    );
  }
  io.out(`Next        autobird predict FILES --checkpoint ${run.dir}\n`);
}
