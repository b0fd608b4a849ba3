import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type ChildOptions = Parameters<FastifyBaseLogger['child']>[1];

/** The logger of one request, which is made when something is to be said: most requests have nothing to say. */
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
    this.#say('fatal', given);
  }

  error(...given: unknown[]): void {
    this.#say('error', given);
  }

  warn(...given: unknown[]): void {
    this.#say('warn', given);
  }

  info(...given: unknown[]): void {
    this.#say('info', given);
  }

  debug(...given: unknown[]): void {
    this.#say('debug', given);
  }

  trace(...given: unknown[]): void {
    this.#say('trace', given);
  }

  silent(): void {}

  #say(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', given: unknown[]): void {
    const logger = this.#logger;
    (logger[level] as (...given: unknown[]) => void).apply(logger, given);
  }
}
