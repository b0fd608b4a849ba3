import { join } from 'node:path';
import type { z } from 'zod';
import { Dataset } from '../../data/dataset.ts';
import { manifestSchema } from '../../data/datasetFiles.ts';
import { listDatasets } from '../../data/listDatasets.ts';
import { synthesize } from '../../data/synthesize.ts';
import { writeFileAtomic } from '../../files.ts';
import { clock } from '../../formats/percentAndClock.ts';
import { renderDataReport } from '../../reports/dataReport.ts';
import { encode } from '../../schema/case.ts';
import { columns } from '../columns.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { UsageError } from '../errors.ts';

interface DataArgs extends ConfigArgs {
  readonly action: 'list' | 'show' | 'report' | 'synthesize';
  readonly target: string | undefined;
  readonly split: string | undefined;
  readonly seed: number;
  readonly 'recordings-per-species': number;
}

export const data: Command<DataArgs> = {
  command: 'data [action] [target]',
  describe: 'List prepared datasets, show one, write its report, or synthesise recordings to try things out',
  positionals: {
    action: { choices: ['list', 'show', 'report', 'synthesize'] as const, default: 'list' as const },
    target: {
      type: 'string',
      describe: 'show, report: name or folder of the dataset [data.name]; synthesize: folder to write recordings to',
    },
  },
  options: {
    split: { type: 'string', describe: 'report: name of the split to draw [the one made last]' },
    seed: { type: 'number', default: 4, describe: 'synthesize: equal seeds give equal sounds' },
    'recordings-per-species': { type: 'number', default: 12, describe: 'synthesize' },
    'config-dir': configDirOption,
  },
  examples: [
    ['data', 'all datasets'],
    ['data show field', 'classes, counts, splits and what was rejected'],
    ['data report field', 'write data/field/report.html to look at'],
    ['data synthesize invented/', 'invented birds: recordings and metadata.csv'],
  ],
  async run(args, io) {
    if (args.action === 'synthesize') return makeSounds(args, io);
    if (args.action === 'list') return list(args, io);
    const dataset = await openDataset(args);
    if (args.action === 'show') return show(dataset, io);
    const split =
      args.split === undefined
        ? ((await dataset.currentSplits())[0] ?? (await dataset.makeSplit(configWithoutRawDir(args, []).split)))
        : await dataset.split(args.split);
    const path = join(dataset.dir, 'report.html');
    await writeFileAtomic(path, await renderDataReport(dataset, split));
    io.out(io.json ? `${JSON.stringify({ report: path })}\n` : `${path}\n`);
    return undefined;
  },
};

async function list(args: DataArgs, io: CommandIo): Promise<undefined> {
  if (args.target !== undefined) {
    throw new UsageError(`autobird data list takes no dataset: did you mean autobird data show ${args.target}?`);
  }
  const { root } = configWithoutRawDir(args, []).data;
  const datasets = await listDatasets(root, (line) => io.progress.note(line));
  if (io.json) {
    const rows = datasets.map(({ name, dir, manifest: { id, createdAt, labels, counts, sampleRateHz } }) => {
      const { recordings, durationS } = counts;
      return {
        name,
        dir,
        id,
        created_at: createdAt,
        classes: labels.length,
        recordings,
        duration_s: durationS,
        sample_rate_hz: sampleRateHz,
      };
    });
    io.out(`${JSON.stringify(rows)}\n`);
  } else if (datasets.length === 0) {
    io.out(`No datasets in ${root} yet: autobird prepare FOLDER --name NAME makes one.\n`);
  } else {
    io.out(
      columns(
        datasets,
        [
          { title: 'DATASET', flexible: true, value: ({ name }) => name },
          { title: 'RECORDINGS', align: 'right', value: ({ manifest }) => String(manifest.counts.recordings) },
          { title: 'CLASSES', align: 'right', value: ({ manifest }) => String(manifest.labels.length) },
          { title: 'LENGTH', align: 'right', value: ({ manifest }) => clock(manifest.counts.durationS) },
          { title: 'HZ', align: 'right', value: ({ manifest }) => String(manifest.sampleRateHz) },
          { title: 'PREPARED', value: ({ manifest }) => manifest.createdAt.slice(0, 16).replace('T', ' ') },
        ],
        io.width,
      ),
    );
  }
  return undefined;
}

async function openDataset(args: DataArgs): Promise<Dataset> {
  if (args.target !== undefined && /[/\\]/.test(args.target)) return Dataset.open(args.target);
  const config = configWithoutRawDir(args, []);
  return Dataset.open(join(config.data.root, args.target ?? config.data.name));
}

async function makeSounds(args: DataArgs, io: CommandIo): Promise<undefined> {
  if (args.target === undefined) throw new UsageError('Expected a folder: autobird data synthesize FOLDER');
  const made = await synthesize(args.target, {
    seed: args.seed,
    recordingsPerSpecies: args['recordings-per-species'],
    signal: io.signal,
    onProgress: io.progress.report,
  });
  io.progress.end();
  if (io.json) {
    io.out(`${JSON.stringify({ raw_dir: made.rawDir, metadata: made.metadata, recordings: made.recordings })}\n`);
  } else {
    io.out(
      `${made.recordings} recordings in ${made.rawDir}${made.made ? '' : ', which were there already'}\n` +
        `Next        autobird prepare ${made.rawDir} --metadata ${made.metadata} --name synthetic\n`,
    );
  }
  return undefined;
}

async function show(dataset: Dataset, io: CommandIo): Promise<undefined> {
  const { manifest, recordings, dir } = dataset;
  const splits = await dataset.splitNames();
  const classes = manifest.labels.map((label) => {
    const own = recordings.filter((recording) => recording.label === label);
    return {
      label: manifest.noEventLabels.includes(label) ? `${label} (no event)` : label,
      recordings: own.length,
      durationS: own.reduce((sum, { durationS }) => sum + durationS, 0),
      sessions: new Set(own.map(({ session, path }) => session ?? path)).size,
    };
  });
  if (io.json) {
    const manifestJson = encode(manifestSchema, manifest as z.infer<typeof manifestSchema>) as object;
    const classesJson = classes.map(({ durationS, ...rest }) => ({ ...rest, duration_s: durationS }));
    io.out(`${JSON.stringify({ dir, ...manifestJson, splits, classes: classesJson })}
`);
    return undefined;
  }
  const { counts } = manifest;
  io.out(
    `Dataset     ${manifest.name} (${manifest.id}) in ${dir}\n` +
      `Recordings  ${counts.recordings} of ${counts.files} files, ${clock(counts.durationS)}, ${counts.sessions} sessions, ${counts.duplicates} duplicates\n` +
      `Rate        ${manifest.sampleRateHz} Hz\n` +
      `Splits      ${splits.join(', ') || 'none yet'}\n`,
  );
  for (const warning of manifest.warnings) io.out(`Warning     ${warning}\n`);
  io.out(
    `\n${columns(
      classes,
      [
        { title: 'CLASS', flexible: true, value: ({ label }) => label },
        { title: 'RECORDINGS', align: 'right', value: (row) => String(row.recordings) },
        { title: 'SESSIONS', align: 'right', value: (row) => String(row.sessions) },
        { title: 'LENGTH', align: 'right', value: (row) => clock(row.durationS) },
      ],
      io.width,
    )}`,
  );
  if (manifest.rejected.length > 0) {
    io.out(
      `\n${columns(
        manifest.rejected,
        [
          { title: 'REJECTED', flexible: true, value: ({ path }) => path },
          { title: 'REASON', value: ({ reason }) => reason },
        ],
        io.width,
      )}`,
    );
  }
  return undefined;
}
