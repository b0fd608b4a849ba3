import type { Argv } from 'yargs';
import type { ProgressReporter } from './progress.ts';

/** What a command may do with the world. */
export interface CommandIo {
  /** Results: standard output. */
  out(text: string): void;
  /** Somebody reads them as they come. */
  readonly outIsTerminal: boolean;
  /** What happens meanwhile: standard error. */
  readonly progress: ProgressReporter;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Columns of the terminal, or 100 where the output is a file. */
  readonly width: number;
  /** `--json`: the result is one JSON value. */
  readonly json: boolean;
}

/** One command of the command line; each has its own file. */
export interface Command<Args> {
  /** As yargs writes it: `train [overrides..]`. */
  readonly command: string;
  readonly describe: string;
  /** Declares words and options; their names and types are those of `Args`. */
  builder(yargs: Argv): unknown;
  /** Resolves with the exit code, 0 where it says nothing. */
  run(args: Args, io: CommandIo): Promise<number | undefined>;
}
