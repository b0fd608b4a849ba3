import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type ChildOptions = Parameters<FastifyBaseLogger['child']>[1];

/** The logger of one request, which is made for its first line: most requests have none. */
export class RequestLogger implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Bindings;
  readonly #options: ChildOptions;
  #made: FastifyBaseLogger | null = null;

  constructor(parent: FastifyBaseLogger, bindings: Bindings, options: ChildOptions) {
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
  }

  get #logger(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#bindings, this.#options);
    return this.#made;
  }

  get level(): string {
    return this.#logger.level;
  }

  set level(level: string) {
    this.#logger.level = level;
  }

  child(...given: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#logger.child(...given);
  }

  fatal(...given: unknown[]): void {
    this.#log('fatal', given);
  }

  error(...given: unknown[]): void {
    this.#log('error', given);
  }

  warn(...given: unknown[]): void {
    this.#log('warn', given);
  }

  info(...given: unknown[]): void {
    this.#log('info', given);
  }

  debug(...given: unknown[]): void {
    this.#log('debug', given);
  }

  trace(...given: unknown[]): void {
    this.#log('trace', given);
  }

  silent(): void {}

  #log(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', given: unknown[]): void {
    const logger = this.#logger;
    (logger[level] as (...given: unknown[]) => void).apply(logger, given);
  }
}
