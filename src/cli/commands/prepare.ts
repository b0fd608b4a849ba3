import { join } from 'node:path';
import { megabytes } from '../../data/diskSpace.ts';
import { prepareAndSplit } from '../../data/prepare.ts';
import { clock, counted } from '../../formats/percentAndClock.ts';
import type { Command } from '../command.ts';
import { type ConfigArgs, configDirOption, configOf } from '../configuration.ts';
import { flagOverrides, pathAndOverrides } from '../overrides.ts';

interface PrepareArgs extends ConfigArgs {
  readonly folder: readonly string[];
  readonly name: string | undefined;
  readonly metadata: readonly string[] | undefined;
  readonly workers: number | undefined;
}

export const prepare: Command<PrepareArgs> = {
  command: 'prepare [folder..]',
  describe: 'Decode a folder of recordings into a dataset',
  positionals: {
    folder: {
      type: 'string',
      array: true,
      describe: 'Folder with a folder of recordings for each class (data.raw_dir), and overrides',
    },
  },
  options: {
    name: {
      alias: 'n',
      type: 'string',
      describe: 'Name of the dataset (data.name); it is written to data/<name>',
    },
    metadata: {
      alias: 'm',
      type: 'string',
      array: true,
      describe: 'Table with a row a recording, or of annotations, or a folder of them (data.metadata); may be repeated',
    },
    workers: { type: 'number', describe: 'Recordings decoded at once (data.workers)' },
    'config-dir': configDirOption,
  },
  examples: [
    ['prepare recordings/ --name field', 'classes are the folders in recordings/'],
    ['prepare audio/ --metadata metadata.csv -n field', 'classes, sessions, folds and more from a table'],
    ['prepare audio/ data.columns.label=species_code', 'say which column is the class'],
  ],
  epilogue: 'What has been decoded is never decoded again: repeat the command after adding recordings.',
  resumes: true,
  async run(args, io) {
    const note = (line: string) => io.progress.note(line);
    const { path: folder, overrides } = await pathAndOverrides(args.folder, 'folder', note);
    const flags = flagOverrides({
      'data.raw_dir': folder,
      'data.name': args.name,
      'data.metadata': args.metadata,
      'data.workers': args.workers,
    });
    const config = configOf(args, [...overrides, ...flags]);
    const { dataset, split } = await prepareAndSplit({ ...config, signal: io.signal, onProgress: io.progress.report });
    io.progress.end();
    const { manifest, dir } = dataset;
    const { counts } = manifest;
    if (io.json) {
      const { durationS, ...numbers } = counts;
      io.out(
        `${JSON.stringify({ dataset: dir, id: manifest.id, labels: manifest.labels, counts: { ...numbers, duration_s: durationS }, warnings: manifest.warnings, rejected: manifest.rejected })}\n`,
      );
      return undefined;
    }
    io.out(
      `Dataset     ${dir} (${manifest.id})\n` +
        `Recordings  ${counts.recordings} of ${counts.files} files, ${clock(counts.durationS)}, ${counted(manifest.labels.length, 'class', 'classes')}, ${counts.sessions} sessions, ${counts.duplicates} duplicates\n`,
    );
    for (const [meaning, column] of Object.entries(manifest.columns)) io.out(`Column      ${meaning} ← ${column}\n`);
    for (const warning of manifest.warnings) io.out(`Warning     ${warning}\n`);
    for (const { path, reason } of manifest.rejected.slice(0, 20)) io.out(`Rejected    ${path}: ${reason}\n`);
    if (manifest.rejected.length > 20)
      io.out(`Rejected    ${manifest.rejected.length - 20} more, all in ${dir}/dataset.json\n`);
    const unused = await dataset.unusedShards();
    if (unused.count > 0) {
      io.out(
        `Unused      ${unused.count} shards of ${megabytes(unused.bytes)}, kept in case their recordings come back\n`,
      );
    }
    for (const line of dataset.describeSplit(split)) io.out(`Split       ${line}\n`);
    io.out(`Report      ${join(dir, 'report.html')}\n`);
    io.out(`Next        autobird train --dataset ${manifest.name}\n`);
    return undefined;
  },
};
