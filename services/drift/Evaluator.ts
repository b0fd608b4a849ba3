/** What the drift service computes: in a process of its own, because a comparison may take seconds. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError, type DriftRow, DriftRows, type DriftSide, detectDrift, readSide } from '../../src/index.ts';
import {
  configuredDrift,
  cutWindows,
  driftPage,
  driftToJson,
  findCheckpoint,
  modelRow,
  randomFor,
  type TrendPoint,
  trendPoint,
} from '../../src/service.ts';
import type { LoggedDriftRow } from '../predictionLog/entry.ts';
import { type DriftRowSource, openDriftRows } from '../predictionLog/openDriftRows.ts';
import type { DriftServiceConfig } from './config.ts';

/** What is there to compare. */
export interface Sides {
  /** Windows of equal series may be compared with one another: the reference and the model whose rows are looked at. */
  readonly series: string;
  readonly reference: { readonly source: string; readonly rows: number; readonly heldOutRows: number };
  /** `live` for the log, which grows. */
  readonly current: { readonly source: string; readonly live: boolean };
  readonly modelVersion: string | null;
  /** Why a newer reference was not taken up; null where there is none. */
  readonly problem: string | null;
}

export interface Comparison {
  readonly datasetDrift: boolean;
  readonly referenceRows: number;
  readonly currentRows: number;
  readonly shareOfDriftedColumns: number;
  readonly columns: readonly {
    readonly name: string;
    readonly test: string;
    readonly score: number;
    readonly threshold: number;
    readonly drifted: boolean;
    /** Cliff's delta or Cramér's V. */
    readonly effect: number | null;
  }[];
  readonly confidence: { readonly reference: number; readonly current: number } | null;
  /** As `driftToJson` has it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Of current rows that do not come from the log. */
  readonly trend: readonly TrendPoint[];
  /** Times of the first and the last current row. */
  readonly from: string | null;
  readonly to: string | null;
  readonly page: string | null;
}

export interface CompareOptions {
  /** So many current rows are drawn, where there are more; 0 for all. */
  readonly sampleN: number;
  /** Also make the page, with these windows on it. */
  readonly page: { readonly trend: readonly TrendPoint[] } | null;
}

/** Where the last window ended: rows of one instant may be on both sides of its end. */
export interface Cursor {
  readonly timeMs: number;
  /** Rows of that instant that were in it. */
  readonly rows: number;
}

export interface ClosedWindow {
  readonly point: Omit<TrendPoint, 'alarm'>;
  readonly end: Cursor;
}

/** What the service asks for, wherever it is computed. */
export interface DriftEvaluator {
  /**
   * Reads the reference, again where its file has changed.
   *
   * @throws AutobirdError that says what is missing: `no_reference`, `no_log`, `not_found`, …
   */
  look(): Promise<Sides>;
  /** The newest window, or the rows that are not from the log, against the reference. @throws AutobirdError `too_few_rows` */
  compare(options: CompareOptions): Promise<Comparison>;
  /** The windows of the log that have ended since `cursor`, the oldest first. */
  closedWindows(cursor: Cursor | null): Promise<readonly ClosedWindow[]>;
  close(): Promise<void>;
}

/** Rows that are looked at in one go; of more the oldest are passed over. */
const mostWaitingRows = 50_000;
/** The original's seed. */
const sampleSeed = 42;

interface Loaded {
  readonly reference: DriftSide;
  /** Null for the log. */
  readonly current: DriftSide | null;
  readonly sides: Sides;
  readonly fingerprint: string;
}

export class Evaluator implements DriftEvaluator {
  readonly #config: DriftServiceConfig;
  #loaded: Loaded | null = null;
  #log: DriftRowSource | null = null;

  constructor(config: DriftServiceConfig) {
    this.#config = config;
  }

  async look(): Promise<Sides> {
    const { drift } = this.#config;
    const name = drift.reference ?? (await this.#servedModel());
    const fingerprint = await fingerprintOf(name);
    let problem: string | null = null;
    try {
      if (this.#loaded?.fingerprint !== fingerprint) {
        const loaded = await this.#load(name, fingerprint);
        this.#dispose();
        this.#loaded = loaded;
      }
    } catch (error) {
      // What is loaded goes on: a half-copied file must not take the service down.
      if (this.#loaded === null) throw error;
      problem = (error as Error).message;
    }
    const { current, sides } = this.#loaded as Loaded;
    if (current === null) this.#openLog();
    return { ...sides, problem };
  }

  async compare({ sampleN, page }: CompareOptions): Promise<Comparison> {
    const { reference, current, sides } = await this.#ready();
    const { window } = this.#config.drift;
    const all = current?.rows ?? DriftRows.of((await this.#logRows(sides, {}, window.rows)).map(driftRow));
    if (all.length < window.minRows) {
      throw new AutobirdError(
        'too_few_rows',
        `${all.length} of the ${window.minRows} rows that a comparison needs are there (drift.window.min_rows)`,
      );
    }
    const rows = sampled(all, sampleN);
    const options = { ...configuredDrift(this.#config.drift), heldOut: reference.heldOut };
    const { window: windows, ...whole } = options;
    const result = detectDrift(
      reference.rows,
      rows,
      current === null || !windows ? whole : { ...whole, window: windows },
    );
    const shown = page === null || page.trend.length === 0 ? result : { ...result, trend: page.trend };
    const effects = new Map(result.corrected.map(({ name, effect }) => [name, effect.value]));
    const times = rows.times.filter(Boolean);
    const { trend: _, ...json } = driftToJson(result);
    return {
      datasetDrift: result.drift.datasetDrift,
      referenceRows: result.referenceRows,
      currentRows: result.currentRows,
      shareOfDriftedColumns: result.drift.shareOfDriftedColumns,
      columns: result.drift.columns.map(({ name, test, score, threshold, drifted }) => {
        return { name, test, score, threshold, drifted, effect: effects.get(name) ?? null };
      }),
      confidence: result.confidence && {
        reference: result.confidence.referenceMean,
        current: result.confidence.currentMean,
      },
      json,
      trend: result.trend,
      from: times.at(0) ?? null,
      to: times.at(-1) ?? null,
      page:
        page === null
          ? null
          : driftPage(shown, { reference: sides.reference.source, current: described(sides, rows.length, all.length) }),
    };
  }

  async closedWindows(cursor: Cursor | null): Promise<ClosedWindow[]> {
    const { reference, sides } = await this.#ready();
    const { window, monitor } = this.#config.drift;
    const nowMs = Date.now() - 1000 * monitor.settleS;
    const since = cursor === null ? {} : { since: new Date(cursor.timeMs) };
    const found = await this.#logRows(sides, { ...since, until: new Date(nowMs) }, mostWaitingRows);
    const used = cursor?.rows ?? 0;
    const rows = found.filter(({ time }, i) => i >= used || time.getTime() !== cursor?.timeMs).map(driftRow);
    const options = configuredDrift(this.#config.drift);
    return cutWindows(rows, window, nowMs)
      .windows.filter(({ length }) => length >= window.minRows)
      .map((closed) => {
        const timeMs = Date.parse(closed.at(-1)?.at as string);
        const before = timeMs === cursor?.timeMs ? cursor.rows : 0;
        const same = closed.filter(({ at }) => Date.parse(at as string) === timeMs).length;
        return { point: trendPoint(reference.rows, closed, options), end: { timeMs, rows: before + same } };
      });
  }

  async close(): Promise<void> {
    this.#dispose();
    await this.#log?.close();
    this.#log = null;
  }

  /** Closes what the sides have open. */
  #dispose(): void {
    this.#loaded?.reference[Symbol.dispose]();
    this.#loaded?.current?.[Symbol.dispose]();
    this.#loaded = null;
  }

  async #ready(): Promise<Loaded> {
    if (this.#loaded === null) await this.look();
    return this.#loaded as Loaded;
  }

  async #load(name: string, fingerprint: string): Promise<Loaded> {
    const { drift, service } = this.#config;
    const options = { config: this.#config };
    const reference = await readSide(name, options);
    const current =
      drift.current === null ? null : await readSide(drift.current, { ...options, model: reference.checkpoint });
    const modelVersion = drift.monitor.modelVersion ?? reference.checkpoint?.modelVersion ?? null;
    const known = reference.checkpoint?.modelVersion ?? hashOf(reference.rows);
    return {
      reference,
      current,
      fingerprint,
      sides: {
        series: `${known} ${modelVersion ?? 'all'}`,
        reference: { source: name, rows: reference.rows.length, heldOutRows: reference.heldOut.length },
        current: { source: drift.current ?? service.log.path ?? 'no log', live: current === null },
        modelVersion: current === null ? modelVersion : null,
        problem: null,
      },
    };
  }

  /** What the inference service of the same configuration answers with. */
  async #servedModel(): Promise<string> {
    const { models, modelsDir } = this.#config.service;
    const [first] = models.filter(({ shadow }) => !shadow);
    if (first !== undefined) return first.checkpoint;
    const files = await readdir(modelsDir).catch(() => []);
    const [name] = files.filter((file) => file.endsWith('.safetensors')).sort();
    if (name !== undefined) return join(modelsDir, name);
    throw new AutobirdError(
      'no_reference',
      `There is nothing to compare with: name a checkpoint (drift.reference), or put one into ${modelsDir}`,
    );
  }

  #openLog(): DriftRowSource {
    this.#log ??= openDriftRows(this.#config.service.log);
    return this.#log;
  }

  async #logRows(
    { modelVersion }: Sides,
    span: { readonly since?: Date; readonly until?: Date },
    limit: number,
  ): Promise<readonly LoggedDriftRow[]> {
    const filter = modelVersion === null ? span : { ...span, modelVersion };
    return await this.#openLog().driftRows(filter, limit);
  }
}

/** The row of a recording that was answered, as the checkpoint has those of its own. */
function driftRow({ time, target, confidence, ...driftFeatures }: LoggedDriftRow): DriftRow {
  return { ...modelRow({ driftFeatures, prediction: target, confidence }), at: time.toISOString() };
}

function sampled(rows: DriftRows, n: number): DriftRows {
  if (!(n > 0 && n < rows.length)) return rows;
  return rows.pick(randomFor(sampleSeed, 'drift sample').permutation(rows.length).slice(0, n).sort());
}

function described({ current, modelVersion }: Sides, used: number, all: number): string {
  const of = current.live
    ? `the newest in ${current.source}${modelVersion === null ? '' : `, heard by ${modelVersion}`}`
    : current.source;
  return used === all ? of : `${of} (drawn from ${all})`;
}

/** Changes when a file is replaced; other kinds of reference are read once. */
async function fingerprintOf(name: string): Promise<string> {
  const path = /\.csv$/i.test(name) ? name : await findCheckpoint(name).catch(() => null);
  const found = path === null ? null : await stat(path).catch(() => null);
  return found?.isFile() ? `${path} ${found.size} ${found.mtimeMs} ${found.ino}` : name;
}

/** Of the values as one array in JSON, row by row. */
function hashOf(rows: DriftRows): string {
  const hash = createHash('sha256').update('[');
  let between = '';
  for (const { values } of rows) {
    hash.update(`${between}${JSON.stringify(values)}`);
    between = ',';
  }
  return hash.update(']').digest('hex').slice(0, 12);
}
