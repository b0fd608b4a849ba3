import { join } from 'node:path';
import { clock, percent } from '../../formats/percentAndClock.ts';
import { type Crossval, crossvalSchema } from '../../reports/crossvalReport.ts';
import { encode } from '../../schema/case.ts';
import { crossval as crossvalidate } from '../../study/crossval.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfDataset, overridesWord } from '../configuration.ts';
import { flagOverrides } from '../overrides.ts';

interface CrossvalArgs extends ConfigArgs {
  readonly overrides: readonly string[];
  readonly dataset: string | undefined;
  readonly folds: number | undefined;
  readonly steps: number | undefined;
  readonly epochs: number | undefined;
  readonly device: 'auto' | 'cpu' | 'cuda' | undefined;
  readonly jobs: number | undefined;
  readonly output: string | undefined;
}

export const crossval: Command<CrossvalArgs> = {
  command: 'crossval [overrides..]',
  describe: 'Train and evaluate once for every fold; each recording is judged once',
  positionals: {
    overrides: overridesWord,
  },
  options: {
    dataset: { type: 'string', describe: 'Name of the dataset (data.name)' },
    folds: {
      type: 'number',
      describe: 'Folds to make by group, where the metadata has no fold column (split.folds)',
    },
    steps: { type: 'number', describe: 'training.steps' },
    epochs: { type: 'number', describe: 'training.epochs' },
    device: { choices: ['auto', 'cpu', 'cuda'] as const, describe: 'training.device' },
    jobs: { alias: 'j', type: 'number', describe: 'Folds trained at once [one a core; one on a GPU]' },
    output: {
      alias: 'o',
      type: 'string',
      describe: 'Folder for crossval.html, crossval.json and the runs [in run.root]',
    },
    'config-dir': configDirOption,
  },
  examples: [
    ['crossval --dataset field --folds 5', 'five folds by session or recording'],
    ['crossval --dataset esc10', 'the folds of the metadata'],
  ],
  epilogue: 'Stopped, the same command goes on with the fold and epoch where it was.',
  resumes: true,
  async run(args, io) {
    const flags = flagOverrides({
      'data.name': args.dataset,
      'split.folds': args.folds,
      'training.steps': args.steps,
      'training.epochs': args.epochs,
      'training.device': args.device,
    });
    const overrides = [...args.overrides, ...flags];
    const result = await crossvalidate({
      config: await configOfDataset(args, overrides),
      overrides,
      signal: io.signal,
      onProgress: io.progress.report,
      onNote: (line) => io.progress.note(line),
      jobs: args.jobs,
      outputDir: args.output,
    });
    io.progress.end();
    io.out(io.json ? `${JSON.stringify(encode(crossvalSchema, result))}\n` : figures(result, io));
    return undefined;
  },
};

function figures({ folds, pooled, accuracy, balancedAccuracy }: Crossval, { width }: CommandIo): string {
  const table = columns(
    folds,
    [
      { title: 'FOLD', align: 'right', value: ({ fold }) => String(fold) },
      { title: 'RECORDINGS', align: 'right', value: ({ recordings }) => String(recordings) },
      { title: 'ACCURACY', align: 'right', value: (fold) => percent(fold.accuracy) },
      { title: 'BALANCED', align: 'right', value: (fold) => percent(fold.balancedAccuracy) },
      { title: 'MACRO F1', align: 'right', value: ({ macroF1 }) => macroF1.toFixed(3) },
      { title: 'TIME', align: 'right', value: ({ durationS }) => clock(durationS) },
      { title: 'RUN', flexible: true, value: ({ run }) => run },
    ],
    width,
  );
  const spread = (of: { mean: number; spread: number }) => `${percent(of.mean)} ± ${percent(of.spread)}`;
  const [first] = folds;
  // Each fold's run lies in <folder>/fold<n>/<date>/<time>.
  const folder = first === undefined ? '' : join(first.run, '..', '..', '..');
  return (
    `${table}\n` +
    `All folds   ${percent(pooled.accuracy)} of ${pooled.items} recordings right, balanced over classes ${percent(pooled.balancedAccuracy)}\n` +
    `Over folds  ${spread(accuracy)}, balanced ${spread(balancedAccuracy)}\n` +
    `Report      ${join(folder, 'crossval.html')}\n`
  );
}
