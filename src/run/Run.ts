import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type EpochRecord, epochRecordSchema } from '../checkpoint/metadata.ts';
import { appendLine, makeFolder, readJson, readJsonLines, writeJson, writeJsonLines } from '../files.ts';
import { parseReport, type Report } from '../reports/report.ts';
import { decode, encode } from '../schema/case.ts';

/** `run.json`: what a run is of, and whether it is done. */
const runStateSchema = z.strictObject({
  formatVersion: z.literal(1),
  createdAt: z.string(),
  /** Hash of the configuration that decides the result, but for `threads`. */
  configHash: z.string(),
  datasetId: z.string(),
  /** Hash of which recording is on which side. */
  splitHash: z.string(),
  /** `training.threads`: sums are rounded by them, so a run only goes on with as many. */
  threads: z.int().nullable(),
  finished: z.boolean(),
});

export type RunState = z.infer<typeof runStateSchema>;
/** Runs with equal ones would end in the same numbers. */
export type RunIdentity = Pick<RunState, 'configHash' | 'datasetId' | 'splitHash' | 'threads'>;

/** The folder of one training: configuration, metrics, checkpoints, report. */
export class Run {
  /** Absolute or as the caller gave it. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** The checkpoint that was best on the validation recordings. */
  get bestCheckpoint(): string {
    return join(this.dir, 'checkpoints', 'best.safetensors');
  }

  /** The newest checkpoint, with all that is needed to go on. */
  get lastCheckpoint(): string {
    return join(this.dir, 'checkpoints', 'last.safetensors');
  }

  /** The content of `run.json`. @throws FormatError where it is not what autobird writes; Node's `ENOENT` where there is none */
  async state(): Promise<RunState> {
    const path = join(this.dir, 'run.json');
    return decode(runStateSchema, await readJson(path), path);
  }

  /** Writes `run.json`. */
  async writeState(state: RunState): Promise<void> {
    await writeJson(join(this.dir, 'run.json'), encode(runStateSchema, state));
  }

  /** One record a validated epoch, in order; empty before the first. */
  async metrics(): Promise<EpochRecord[]> {
    const path = join(this.dir, 'metrics.jsonl');
    const lines = await readJsonLines(path).catch(none);
    return (lines ?? []).map((line, i) => decode(epochRecordSchema, line, `${path}, line ${i + 1}`));
  }

  /** Adds the record of a validated epoch. */
  async appendMetrics(record: EpochRecord): Promise<void> {
    await appendLine(join(this.dir, 'metrics.jsonl'), encode(epochRecordSchema, record));
  }

  /** Makes the metrics those of a checkpoint: what a killed process wrote beyond it is dropped. */
  async resetMetrics(records: readonly EpochRecord[]): Promise<void> {
    await writeJsonLines(
      join(this.dir, 'metrics.jsonl'),
      records.map((record) => encode(epochRecordSchema, record)),
    );
  }

  /** The evaluation on the test recordings; null while there is none. */
  async report(): Promise<Report | null> {
    const path = join(this.dir, 'report.json');
    const json = await readJson(path).catch(none);
    return json === null ? null : parseReport(json, path);
  }

  /** Adds a line to `train.log`, as Hydra's applications write theirs. */
  async log(line: string): Promise<void> {
    const time = new Date().toISOString().replace('T', ' ').replace('.', ',').slice(0, 23);
    await appendFile(join(this.dir, 'train.log'), `[${time}][autobird][INFO] - ${line}\n`);
  }

  /** The text of `train.log`, for people. */
  async logText(): Promise<string> {
    return (await readFile(join(this.dir, 'train.log'), 'utf8').catch(none)) ?? '';
  }
}

/** Makes `<root>/<date>/<time>` in local time; a second run of the same second gets a number. */
export async function createRunFolder(root: string, now = new Date()): Promise<string> {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('-');
  await makeFolder(join(root, date));
  for (let number = 1; ; number++) {
    const dir = join(root, date, number === 1 ? time : `${time}-${number}`);
    try {
      await mkdir(dir);
      return dir;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function none(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
