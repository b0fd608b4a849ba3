import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AutobirdError } from '../../../bindings/errors.ts';
import { decodeLimits } from '../../audio/limits.ts';
import type { Config } from '../../config/schema.ts';
import type { FailedPrediction, Prediction } from '../../domain.ts';
import { makeFolder, writeFileAtomic } from '../../files.ts';
import { type FormatContext, isFailed, type OutputFormatName, outputFormats } from '../../formats/index.ts';
import { counted } from '../../formats/percentAndClock.ts';
import { takeLock } from '../../lock.ts';
import { Classifier } from '../../prediction/Classifier.ts';
import { collectRecordings } from '../../prediction/collectRecordings.ts';
import { Journal } from '../../prediction/Journal.ts';
import type { ClassifierOptions, PredictFilesOptions } from '../../prediction/options.ts';
import { nameOutputs } from '../../prediction/outputNames.ts';
import {
  journalPath,
  resultText,
  type Target,
  targetOf,
  writeErrors,
  writeOneFile,
} from '../../prediction/writeOutput.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configWithoutRawDir } from '../configuration.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { chosenCheckpoint } from '../knownRuns.ts';
import { flagOverrides, pathsAndOverrides } from '../overrides.ts';
import { type RuntimeArgs, runtimeOptions } from '../runtimeOptions.ts';
import { Tally } from '../tally.ts';

interface PredictArgs extends ConfigArgs, RuntimeArgs {
  readonly recordings: readonly string[];
  readonly checkpoint: string | undefined;
  readonly format: OutputFormatName | undefined;
  readonly output: string | undefined;
  readonly overlap: number | undefined;
  readonly 'min-score': number | undefined;
  readonly 'top-k': number | undefined;
  readonly merge: boolean | undefined;
  readonly clips: boolean;
  readonly workers: number | undefined;
  readonly restart: boolean;
}

const formatNames = Object.keys(outputFormats) as OutputFormatName[];
const formatHelp = formatNames.map((name) => `${name} (${outputFormats[name].description})`).join(', ');

export const predict: Command<PredictArgs> = {
  command: 'predict [recordings..]',
  describe: 'Predict the species in recordings',
  positionals: {
    recordings: {
      type: 'string',
      array: true,
      describe: 'Files, folders (searched to the bottom) and overrides such as predict.merge=false',
    },
  },
  options: {
    checkpoint: { alias: 'c', type: 'string', describe: 'Checkpoint file or run folder [newest run]' },
    format: { alias: 'f', choices: formatNames, describe: formatHelp },
    output: {
      alias: 'o',
      type: 'string',
      describe:
        'File, or folder for a file a recording (an existing one, or with a slash at the end) [standard output]',
    },
    overlap: { type: 'number', describe: 'Seconds by which clips overlap [as trained]' },
    'min-score': { type: 'number', describe: 'Least score of a detection, 0 to 1' },
    'top-k': { type: 'number', describe: 'Labels shown for a recording, and detected in a clip, at most' },
    merge: {
      type: 'boolean',
      describe: 'Join neighbouring clips of one label; --no-merge keeps them apart',
    },
    clips: { type: 'boolean', default: false, describe: 'Scores of every clip in json and ndjson' },
    workers: { type: 'number', describe: 'Recordings decoded at once' },
    ...runtimeOptions,
    restart: { type: 'boolean', default: false, describe: 'Forget what an earlier, stopped command did' },
    'config-dir': configDirOption,
  },
  examples: [
    ['predict dawn.wav', 'a table in the terminal'],
    ['predict field/ -f csv -o birds.csv', 'a folder, into one file; the same command goes on'],
    ['predict field/ -f raven -o tables/', 'a selection table for each recording'],
  ],
  epilogue:
    'A recording that cannot be read costs its own row (errors.csv beside the output where the format has none for it), ' +
    'never the others. Exit code 0 when every recording is accounted for, 1 when none could be predicted, 130 when ' +
    'stopped by Ctrl-C.',
  async run(args, io) {
    const note = (line: string) => io.progress.note(line);
    const { paths: inputs, overrides } = await pathsAndOverrides(args.recordings, note);
    if (inputs.length === 0) throw new UsageError('Expected recordings or folders: autobird predict FILE|FOLDER…');
    const flags = flagOverrides({
      'predict.format': args.format ?? (io.json ? 'json' : undefined),
      'predict.overlap_s': args.overlap,
      'predict.min_score': args['min-score'],
      'predict.top_k': args['top-k'],
      'predict.merge': args.merge,
      'predict.workers': args.workers,
    });
    // A flag wins over an override of the same key.
    const config = configWithoutRawDir(args, [...overrides, ...flags]);
    const format = outputFormats[config.predict.format];
    const target = args.output === undefined ? null : await targetOf(args.output, format);
    if (target?.kind === 'folder' && format.layout === 'stream') {
      throw new UsageError(
        `The format ${format.name} is one file: give --output a file name instead of the folder ${target.path}`,
      );
    }
    const found = await collectRecordings(inputs, config.data.extensions);
    if (found.paths.length + found.failed.length === 0) {
      throw new AutobirdError(
        'no_recordings',
        `No recordings in ${inputs.join(', ')}: files with ${config.data.extensions.join(', ')} are looked for (data.extensions)`,
      );
    }
    if (target === null && format.layout === 'file' && found.paths.length > 1) {
      throw new UsageError(`The format ${format.name} is a file for each recording: add --output FOLDER`);
    }
    for (const warning of found.warnings) io.progress.note(warning);
    const checkpoint = await chosenCheckpoint(args.checkpoint, config.run.root, note);
    using classifier = await Classifier.open(checkpoint, classifierOptions(args, config));
    const context: FormatContext = {
      labels: classifier.labels,
      noEventLabels: classifier.noEventLabels,
      topK: config.predict.topK,
      lowHz: classifier.features.fMinHz,
      highHz: Math.min(classifier.features.fMaxHz, classifier.features.sampleRateHz / 2),
      names: [...found.paths, ...found.failed.map(({ recording }) => recording)],
      width: io.width,
      root: found.root,
      clips: args.clips,
    };
    const job: Job = {
      classifier,
      config,
      context,
      found,
      tally: new Tally(),
      io,
      options: predictOptions(config, io.signal),
    };
    await (target === null ? toStandardOutput(job) : toTarget(job, target, args.restart));
    io.progress.end();
    io.progress.note(job.tally.summary());
    return job.tally.predicted === 0 ? exitCodes.failed : exitCodes.ok;
  },
};

interface Job {
  readonly classifier: Classifier;
  readonly config: Config;
  readonly context: FormatContext;
  readonly found: { readonly paths: readonly string[]; readonly failed: readonly FailedPrediction[] };
  readonly tally: Tally;
  readonly io: CommandIo;
  readonly options: PredictFilesOptions;
}

/** What the model is opened with. */
export function classifierOptions(
  { device, precision }: RuntimeArgs,
  { predict, data }: Pick<Config, 'predict' | 'data'>,
): ClassifierOptions {
  const limits = { ...decodeLimits(data), maxFileBytes: data.maxFileBytes };
  return { device, precision, batchSize: predict.batchSize, limits };
}

/** How each recording is predicted. */
export function predictOptions({ predict }: Pick<Config, 'predict'>, signal: AbortSignal): PredictFilesOptions {
  const { overlapS, minScore, topK, merge, workers } = predict;
  return {
    minScore,
    topK,
    merge,
    signal,
    overlapS: overlapS ?? undefined,
    workers: workers ?? undefined,
  };
}

/** Rows in the order of the recordings, each as soon as it and those before it are done. */
async function toStandardOutput({ classifier, config, context, found, tally, io, options }: Job): Promise<void> {
  const format = outputFormats[config.predict.format];
  const writer = format.open(context);
  io.out(writer.begin());
  for (const result of found.failed) {
    tally.add(result);
    io.out(writer.write(result));
  }
  for await (const result of classifier.predictFiles(found.paths, options)) {
    tally.add(result);
    io.out(writer.write(result));
    // On a terminal the rows themselves show how far it is.
    if (!io.outIsTerminal) {
      const total = found.paths.length + found.failed.length;
      io.progress.report({ stage: 'predict', done: tally.predicted + tally.failed, total, message: result.recording });
    }
    if (!isFailed(result)) noteWarnings(result, io);
    else if (!format.holdsErrors) io.progress.note(`${result.recording}: ${result.error.message}`);
  }
  io.out(writer.end());
}

/** Through the journal, which has one writer at a time. */
async function toTarget(job: Job, target: Target, restart: boolean): Promise<void> {
  const path = journalPath(target);
  await makeFolder(dirname(path));
  const lock = await takeLock(`${path}.lock`, { code: 'output_busy', doing: `${target.path} is being written` });
  try {
    await throughJournal(job, target, restart);
  } finally {
    await lock.release();
  }
}

/** Finished recordings stay finished after an interruption; the output is written in one go at the end. */
async function throughJournal(job: Job, target: Target, restart: boolean): Promise<void> {
  const { classifier, config, context, found, tally, io } = job;
  const format = outputFormats[config.predict.format];
  const { overlapS, minScore, topK, merge } = config.predict;
  const key = { modelVersion: classifier.modelVersion, overlapS, minScore, topK, merge };
  const journal = await Journal.open(journalPath(target), key, classifier.labels, { clips: context.clips, restart });
  const inFolder = target.kind === 'folder';
  const { files, renamed } = inFolder
    ? await nameOutputs(journal, target.path, found.paths, format, context, { restart })
    : { files: new Map<string, string>(), renamed: [] };
  const fileOf = (recording: string) => files.get(recording) as string;
  if (renamed.length > 0) {
    const [first = ''] = renamed;
    io.progress.note(
      `${counted(renamed.length, 'recording')} with names that others have in ${target.path}: the results get the folders above too (${first} is in ${fileOf(first)})`,
    );
  }
  const waiting: string[] = [];
  for (const path of found.paths) {
    io.signal.throwIfAborted();
    if (!(await journal.has(path))) waiting.push(path);
  }
  const before = found.paths.length - waiting.length;
  if (before > 0) io.progress.note(`${before} of ${found.paths.length} recordings are done already (${journal.path})`);

  const failed = new Map(found.failed.map((result) => [result.recording, result]));
  let done = before;
  try {
    for await (const result of classifier.predictFiles(waiting, { ...job.options, order: 'ready' })) {
      if (isFailed(result)) failed.set(result.recording, result);
      else {
        // Before the journal says that it is done: a kill in between must not leave an older file in its place.
        if (inFolder) await writeFileAtomic(fileOf(result.recording), resultText(result, format, context));
        await journal.add(result);
      }
      done += 1;
      io.progress.report({ stage: 'predict', done, total: found.paths.length, message: result.recording });
    }
  } catch (error) {
    if (io.signal.aborted) {
      io.progress.end();
      io.progress.note(`${done} of ${found.paths.length} recordings are done: the same command goes on.`);
    }
    throw error;
  }

  for (const result of failed.values()) tally.add(result);
  async function* finished(): AsyncGenerator<Prediction> {
    for await (const result of journal.results(found.paths)) {
      if (failed.has(result.recording)) continue;
      tally.add(result);
      noteWarnings(result, io);
      yield result;
    }
  }
  if (inFolder) {
    for await (const result of finished()) {
      const file = fileOf(result.recording);
      if ((await stat(file).catch(() => null)) === null) {
        await writeFileAtomic(file, resultText(result, format, context));
      }
    }
    // What an earlier command wrote of a recording that fails now would contradict its row.
    for (const { recording } of failed.values()) {
      const name = journal.nameOf(recording, format.name);
      if (name !== undefined) await rm(join(target.path, name), { force: true });
    }
  } else {
    async function* everything() {
      yield* finished();
      yield* failed.values();
    }
    await writeOneFile(target.path, everything(), format, context);
  }
  const errors = await writeErrors(target, [...failed.values()], format, context, journal);
  if (errors !== null) io.progress.note(`${counted(failed.size, 'recording')} not predicted, listed in ${errors}`);
}

function noteWarnings({ recording, warnings }: Prediction, io: CommandIo): void {
  for (const warning of warnings) io.progress.note(`${recording}: ${warning}`);
}
