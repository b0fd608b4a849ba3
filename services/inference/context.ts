import type { ServiceConfig } from '../../src/index.ts';
import type { Peers } from '../cluster.ts';
import type { FairBudget } from '../http/FairBudget.ts';
import type { Readiness } from '../http/health.ts';
import type { LogReader } from '../predictionLog/LogReader.ts';
import type { PredictionLog } from '../predictionLog/PredictionLog.ts';
import type { InferenceMetrics } from './InferenceMetrics.ts';
import type { ModelStore } from './ModelStore.ts';

/** What the routes of the inference service share. */
export interface InferenceContext {
  readonly config: ServiceConfig;
  readonly models: ModelStore;
  /** Whether requests are expected: there is a model, and the service does not stop. */
  readonly readiness: () => Readiness;
  /** Uploads in memory. */
  readonly uploads: FairBudget;
  readonly log: PredictionLog | null;
  /** Where rows are read and deleted: the log, or PostgreSQL with those of every replica. */
  readonly history: LogReader | null;
  readonly metrics: InferenceMetrics;
  readonly peers: Peers;
}
