/** The models that a service has loaded: which one predicts for clients, which are shadows, and how they are replaced. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { type ClassifierOptions, FormatError, type ServiceConfig } from '../../src/index.ts';
import { type BatcherStats, findCheckpoint } from '../../src/service.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import { LoadedModel } from './LoadedModel.ts';

type ModelEntry = ServiceConfig['models'][number];

/** A name that requests choose a model by; its model is replaced when the file changes. */
interface Slot {
  readonly entry: ModelEntry;
  loaded: LoadedModel | null;
  /** Of the file that `loaded` was read from, or that is damaged; empty where the next look shall load it. */
  fingerprint: string;
  error: string | null;
}

export interface ModelState {
  readonly name: string;
  readonly checkpoint: string;
  readonly weight: number;
  readonly shadow: boolean;
  readonly loaded: LoadedModel | null;
  readonly error: string | null;
}

const checkpointEnding = '.safetensors';

export class ModelStore {
  readonly #config: ServiceConfig;
  readonly #options: ClassifierOptions;
  readonly #logger: FastifyBaseLogger;
  #slots = new Map<string, Slot>();
  /** Why the folder of models could not be listed at the last look. */
  #listingError: string | null = null;
  /** Replaced models on which somebody still holds a lease. */
  readonly #retiring = new Set<LoadedModel>();
  /** What models that are freed have computed, by name. */
  readonly #computed = new Map<string, BatcherStats>();
  #timer: NodeJS.Timeout | null = null;
  #refreshing: Promise<void> | null = null;
  #closed = false;

  private constructor(config: ServiceConfig, options: ClassifierOptions, logger: FastifyBaseLogger) {
    this.#config = config;
    this.#options = options;
    this.#logger = logger;
  }

  /** Loads what there is; a model that is missing or damaged is logged and tried again, it does not end the service. */
  static async open(config: ServiceConfig, options: ClassifierOptions, logger: FastifyBaseLogger): Promise<ModelStore> {
    const store = new ModelStore(config, options, logger);
    await store.refresh();
    store.#watch();
    return store;
  }

  /** In the order of the configuration. */
  list(): ModelState[] {
    return [...this.#slots.values()].map(({ entry, loaded, error }) => ({ ...entry, loaded, error }));
  }

  get ready(): boolean {
    return this.list().some(({ loaded, shadow, weight }) => loaded !== null && !shadow && weight > 0);
  }

  /** Why no request can be served, for people. */
  get unready(): string {
    const failed = this.list().find(({ error }) => error !== null);
    if (failed !== undefined) return `Model ${failed.name}: ${failed.error}`;
    if (this.#listingError !== null) return this.#listingError;
    return `There is no model: name a checkpoint (service.models), or put one into ${this.#config.modelsDir}`;
  }

  /**
   * A lease on the model `name`, or on one drawn by the weights where none is named; `draw` is in [0, 1).
   *
   * @throws HttpProblem 404 for an unknown name, 503 where it is not loaded
   */
  lease(name: string | undefined, draw: number): Disposable & { readonly model: LoadedModel } {
    const slot = name === undefined ? this.#drawn(draw) : this.#slots.get(name);
    if (slot === undefined && name !== undefined) {
      const known = [...this.#slots.keys()].join(', ') || 'none';
      throw new HttpProblem(404, 'unknown_model', `There is no model ${name}: loaded are ${known}`);
    }
    if (!slot?.loaded) throw new HttpProblem(503, 'no_model', slot?.error ?? this.unready, { retryAfterS: 5 });
    return slot.loaded.lease();
  }

  /** Leases on the shadow models: they predict every recording too, and only the log shows what. */
  shadows(): (Disposable & { readonly model: LoadedModel })[] {
    return [...this.#slots.values()].flatMap(({ entry, loaded }) =>
      entry.shadow && loaded !== null ? [loaded.lease()] : [],
    );
  }

  /** What was computed under each name since the process began, by all models that had it. */
  batcherTotals(): ReadonlyMap<string, BatcherStats> {
    const totals = new Map(this.#computed);
    for (const model of [...[...this.#slots.values()].map(({ loaded }) => loaded), ...this.#retiring]) {
      const stats = model?.classifier.stats() ?? null;
      if (model !== null && stats !== null) totals.set(model.name, sumOf(totals.get(model.name), stats));
    }
    return totals;
  }

  /** As {@link refresh}, where nobody waits for it. */
  look(): void {
    this.refresh().catch((error) => this.#logger.error({ err: error }, 'Looking for models failed'));
  }

  /** Looks at the files again and loads what is new or changed; the old model serves until the new one is loaded. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#refreshing;
    for (const { loaded } of this.#slots.values()) loaded?.retire();
    this.#slots.clear();
  }

  #watch(): void {
    this.#timer = setInterval(() => this.look(), 1000 * this.#config.reloadS).unref();
  }

  async #refresh(): Promise<void> {
    const entries = this.#config.models.length > 0 ? this.#config.models : await this.#found();
    const slots = new Map<string, Slot>();
    for (const entry of entries) {
      const slot = this.#slots.get(entry.name) ?? { entry, loaded: null, fingerprint: '', error: null };
      slots.set(entry.name, { ...slot, entry });
    }
    for (const [name, { loaded }] of this.#slots) if (!slots.has(name)) this.#retire(loaded);
    this.#slots = slots;
    for (const slot of slots.values()) await this.#load(slot);
  }

  async #load(slot: Slot): Promise<void> {
    const { entry, loaded } = slot;
    try {
      const fingerprint = await fingerprintOf(entry.checkpoint);
      if (fingerprint === slot.fingerprint) return;
      slot.fingerprint = fingerprint;
      const fresh = await LoadedModel.open(entry.name, entry.checkpoint, this.#options);
      if (this.#closed) return fresh.retire();
      slot.loaded = fresh;
      slot.error = null;
      this.#retire(loaded);
      this.#logger.info({ model: entry.name, version: fresh.version, checkpoint: entry.checkpoint }, 'Model loaded');
    } catch (error) {
      // What is loaded goes on: a half-copied file must not take the service down.
      const message = error instanceof Error ? error.message : String(error);
      if (message !== slot.error) this.#logger.error({ model: entry.name, err: error }, 'Model not loaded');
      slot.error = message;
      // A damaged file is read again when it has changed; what else there was may be over at the next look.
      if (!(error instanceof FormatError)) slot.fingerprint = '';
    }
  }

  #retire(model: LoadedModel | null): void {
    if (model === null) return;
    this.#retiring.add(model);
    model.retire((last) => {
      this.#retiring.delete(model);
      if (last !== null) this.#computed.set(model.name, sumOf(this.#computed.get(model.name), last));
    });
  }

  #drawn(draw: number): Slot | undefined {
    const serving = [...this.#slots.values()].filter(({ entry, loaded }) => !entry.shadow && loaded !== null);
    const total = serving.reduce((sum, { entry }) => sum + entry.weight, 0);
    let left = draw * total;
    for (const slot of serving) {
      left -= slot.entry.weight;
      if (left < 0) return slot;
    }
    return undefined;
  }

  /**
   * Every checkpoint of the folder; the first by name serves, the others serve requests that name them. Where the folder cannot be
   * listed, or is suddenly empty as one whose volume is gone, it is those that are loaded.
   */
  async #found(): Promise<readonly ModelEntry[]> {
    const { modelsDir } = this.#config;
    const names = await modelFiles(modelsDir).catch((error: Error) => error);
    const checkpoints = names instanceof Error ? [] : names.filter((name) => name.endsWith(checkpointEnding));
    const loaded = [...this.#slots.values()].filter((slot) => slot.loaded !== null);
    const reason = names instanceof Error ? `cannot be read (${names.message})` : 'has no checkpoint any more';
    const lost = names instanceof Error || (checkpoints.length === 0 && loaded.length > 0);
    this.#noteListing(lost ? `The folder of models, ${modelsDir}, ${reason}` : null);
    if (lost) return loaded.map(({ entry }) => entry);
    return checkpoints.map((name, index) => ({
      name: basename(name, checkpointEnding),
      checkpoint: join(modelsDir, name),
      weight: index === 0 ? 1 : 0,
      shadow: false,
    }));
  }

  #noteListing(error: string | null): void {
    if (error !== null && error !== this.#listingError) this.#logger.error(`${error}: models that are loaded stay`);
    this.#listingError = error;
  }
}

/** Names of the files in a folder, sorted; none where there is no folder. @throws where there is one that cannot be read */
export async function modelFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .sort();
}

/** @throws AutobirdError `not_found` */
async function fingerprintOf(checkpoint: string): Promise<string> {
  const path = await findCheckpoint(checkpoint);
  const { size, mtimeMs, ino } = await stat(path);
  return `${path} ${size} ${mtimeMs} ${ino}`;
}

/** Counters of both; what is queued or running is that of `b`. */
function sumOf(a: BatcherStats | undefined, b: BatcherStats): BatcherStats {
  if (a === undefined) return b;
  const added = (one: Float64Array, other: Float64Array) => one.map((count, i) => count + (other[i] as number));
  return {
    queuedClips: b.queuedClips,
    runningClips: b.runningClips,
    clips: a.clips + b.clips,
    batches: a.batches + b.batches,
    refusedCalls: a.refusedCalls + b.refusedCalls,
    lateCalls: a.lateCalls + b.lateCalls,
    busyMs: a.busyMs + b.busyMs,
    meanClipMs: b.meanClipMs,
    batchSizes: added(a.batchSizes, b.batchSizes),
    waitedMs: a.waitedMs + b.waitedMs,
    waits: added(a.waits, b.waits),
  };
}
