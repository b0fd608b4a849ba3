import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AutobirdError } from '../../src/index.ts';
import type { DriftServiceConfig } from './config.ts';
import type { ClosedWindow, CompareOptions, Comparison, Cursor, DriftEvaluator, Sides } from './Evaluator.ts';
import type { Answer, Call } from './evaluatorMain.ts';

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** Comparisons that may wait for one another. */
const mostWaiting = 16;

/**
 * An {@link Evaluator} in a process of its own, started by the first call and again after it was killed: whatever a
 * comparison costs, the service answers.
 */
export class EvaluatorProcess implements DriftEvaluator {
  readonly #config: DriftServiceConfig;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | null = null;
  #calls = 0;
  #closed = false;

  constructor(config: DriftServiceConfig) {
    this.#config = config;
  }

  /** Of the process, null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  look(): Promise<Sides> {
    return this.#call('look', undefined);
  }

  compare(options: CompareOptions): Promise<Comparison> {
    return this.#call('compare', options);
  }

  closedWindows(cursor: Cursor | null): Promise<ClosedWindow[]> {
    return this.#call('closedWindows', cursor);
  }

  /** Ends the process; what it computes is given up. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (child === null) return;
    const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.connected) child.disconnect();
    // It may be in the middle of a comparison.
    const timer = setTimeout(() => child.kill('SIGKILL'), 1000);
    await exit;
    clearTimeout(timer);
  }

  /** @throws AutobirdError of the evaluator; `overloaded` where too much waits, `evaluator_gone` where the process ended */
  #call<T>(method: Call['method'], argument: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) throw new AutobirdError('evaluator_gone', 'The service is stopping');
      if (this.#waiting.size >= mostWaiting) {
        throw new AutobirdError('overloaded', 'Too many comparisons at once: try again in a moment');
      }
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      this.#child ??= this.#start();
      this.#child.send({ id, method, argument } satisfies Call);
    });
  }

  #start(): ChildProcess {
    // The same file beside the sources and beside what is built from them.
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const file = fileURLToPath(new URL(`./evaluatorMain.${ending}`, import.meta.url));
    const child = fork(file, { serialization: 'advanced' });
    child.on('message', (answer: Answer) => this.#answered(answer));
    child.on('exit', () => this.#ended(child));
    child.on('error', () => this.#ended(child));
    child.send({ config: this.#config });
    return child;
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new AutobirdError(answer.error.code, answer.error.message));
    else waiting?.resolve(answer.result as never);
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = null;
    const gone = new AutobirdError('evaluator_gone', 'The comparison was broken off: try again');
    for (const { reject } of this.#waiting.values()) reject(gone);
    this.#waiting.clear();
  }
}
