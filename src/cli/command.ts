import type { Argv, Options, PositionalOptions } from 'yargs';
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
  /** The words of the pattern; their names and types, and those of the options, are those of `Args`. */
  readonly positionals?: Readonly<Record<string, PositionalOptions>>;
  readonly options?: Readonly<Record<string, Options>>;
  /** The words after `autobird`, and what they do. */
  readonly examples?: readonly (readonly [string, string])[];
  readonly epilogue?: string;
  /** Stopped, the same command goes on where it was. */
  readonly resumes?: boolean;
  /** Resolves with the exit code, 0 where it says nothing. */
  run(args: Args, io: CommandIo): Promise<number | undefined>;
}

/** Declares a command's words and options, with the command's own options above those that all have. */
export function declare(argv: Argv<object>, command: Command<unknown>): Argv<object> {
  for (const [name, positional] of Object.entries(command.positionals ?? {})) argv.positional(name, positional);
  for (const [name, option] of Object.entries(command.options ?? {})) {
    argv.option(name, { group: 'Options:', requiresArg: option.type !== 'boolean', ...option });
  }
  return argv.epilogue([examplesText(command.examples), command.epilogue].filter(Boolean).join('\n\n'));
}

/** Each command on a line of its own, to be copied; the table that yargs makes of examples breaks long ones. */
function examplesText(examples: Command<unknown>['examples'] = []): string {
  const lines = examples.flatMap(([words, meaning]) => [`  # ${meaning}`, `  autobird ${words}`]);
  return lines.length === 0 ? '' : ['Examples:', ...lines].join('\n');
}
