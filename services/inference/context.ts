import type { ServiceConfig } from '../../src/index.ts';
import type { ByteBudget } from '../http/ByteBudget.ts';
import type { ModelStore } from './ModelStore.ts';

/** What the routes of the inference service share. */
export interface InferenceContext {
  readonly config: ServiceConfig;
  readonly models: ModelStore;
  /** Uploads in memory. */
  readonly uploads: ByteBudget;
}
