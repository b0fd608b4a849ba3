/** A request whose result is fetched later. */
export interface Job {
  /** 128 random bits, hex: a client that knows them may see the job. */
  readonly id: string;
  readonly status: JobStatus;
  readonly created: Date;
  /** The newest attempt. */
  readonly started: Date | null;
  readonly finished: Date | null;
  /** How often it was begun; more than once where a process died of it or beside it. */
  readonly attempts: number;
  readonly request: JobRequest;
  readonly progress: JobProgress;
  /** Why it failed. */
  readonly error: JobError | null;
}

export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Jobs that are not over. */
export type JobCounts = Readonly<Record<'queued' | 'running', number>>;

export function isOver({ status }: Pick<Job, 'status'>): boolean {
  return status !== 'queued' && status !== 'running';
}

/** The request of a job: all that an attempt needs beside the recordings themselves. */
export interface JobRequest {
  /** `x-request-id` of the request that made it. */
  readonly requestId: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** In the folder of the job each is a file, named by its place in this list. */
  readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly receiveMs: number;
}

export interface JobProgress {
  /** Seconds predicted, over all recordings. */
  readonly doneS: number;
  /** Length of the recordings that were opened so far. */
  readonly totalS: number;
  readonly recordingsDone: number;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
}
