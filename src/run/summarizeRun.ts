import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import { epochRecordSchema } from '../checkpoint/metadata.ts';
import { isMapping, type Node } from '../config/node.ts';
import { trainingSchema } from '../config/schema.ts';
import { parseYaml } from '../config/yaml.ts';
import { isLocked } from '../lock.ts';
import type { Report } from '../reports/report.ts';
import { reportSchema } from '../reports/report.ts';
import { encode } from '../schema/case.ts';
import { bestRecord } from './bestRecord.ts';
import type { ListedRun } from './listRuns.ts';

const metricSchema = trainingSchema.shape.metric;

/** A run in a list of runs. */
export interface RunSummary {
  /** Its folder. */
  readonly run: string;
  readonly createdAt: string;
  readonly finished: boolean;
  /** Whether a process is training it now. */
  readonly isTraining: boolean;
  /** Validated epochs; at most `plannedEpochs`. */
  readonly epochs: number;
  /** Null where the run's configuration cannot be read. */
  readonly plannedEpochs: number | null;
  /** Name of the dataset; null as above. */
  readonly dataset: string | null;
  /** What its command line changed of the defaults. */
  readonly overrides: readonly string[];
  /** Of the best epoch so far; null before the first validation, and as above. */
  readonly valAccuracy: number | null;
  readonly testAccuracy: number | null;
  readonly testBalancedAccuracy: number | null;
  /** Why a file of the run could not be read; empty where all could. */
  readonly damaged: readonly string[];
}

/** Reads the files of a run; a damaged one is named in the summary and hides nothing else. */
export async function summarizeRun({ run, state }: ListedRun): Promise<RunSummary> {
  const damaged: string[] = [];
  const ignore = (error: Error): null => {
    damaged.push(error.message);
    return null;
  };
  const metrics = (await run.metrics().catch(ignore)) ?? [];
  const test = (await run.report().catch(ignore))?.recordings;
  const config = await readYaml(join(run.dir, '.hydra', 'config.yaml')).catch(ignore);
  const overrides = await readYaml(join(run.dir, '.hydra', 'overrides.yaml')).catch(ignore);
  // With steps there are as many epochs as validations.
  const plannedEpochs = valueAt(config, 'training', 'epochs') ?? valueAt(config, 'training', 'validations');
  const dataset = valueAt(config, 'data', 'name');
  const metric = metricSchema.safeParse(valueAt(config, 'training', 'metric')).data;
  return {
    run: run.dir,
    createdAt: state.createdAt,
    finished: state.finished,
    isTraining: !state.finished && (await isLocked(join(run.dir, 'run.lock'))),
    epochs: metrics.at(-1)?.epoch ?? 0,
    plannedEpochs: typeof plannedEpochs === 'number' ? plannedEpochs : null,
    dataset: typeof dataset === 'string' ? dataset : null,
    overrides: Array.isArray(overrides) ? overrides.map(String) : [],
    valAccuracy: (metric && bestRecord(metrics, metric)?.valAccuracy) ?? null,
    testAccuracy: test?.accuracy ?? null,
    testBalancedAccuracy: test?.balancedAccuracy ?? null,
    damaged,
  };
}

/** A line of `metrics.jsonl`. */
export function epochToJson(record: EpochRecord): unknown {
  return encode(epochRecordSchema, record);
}

/** What `report.json` holds. */
export function reportToJson(report: Report): unknown {
  return encode(reportSchema, report);
}

/** Null where there is no such file: folders of older versions, or copied by hand. */
async function readYaml(path: string): Promise<Node> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : parseYaml(text, path);
}

function valueAt(node: Node, group: string, key: string): Node | undefined {
  const inner = isMapping(node) ? node.get(group) : undefined;
  return inner !== undefined && isMapping(inner) ? inner.get(key) : undefined;
}
