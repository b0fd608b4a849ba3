/** The command line without its process: what `main.ts` starts and tests call. */
import yargs, { type Argv } from 'yargs';
import { AutobirdError, InvalidArgumentError } from '../../bindings/errors.ts';
import { ConfigError } from '../config/ConfigError.ts';
import { packageVersion } from '../packageRoot.ts';
import type { Command, CommandIo } from './command.ts';
import { config } from './commands/config.ts';
import { crossval } from './commands/crossval.ts';
import { data } from './commands/data.ts';
import { evaluate } from './commands/evaluate.ts';
import { predict } from './commands/predict.ts';
import { prepare } from './commands/prepare.ts';
import { runs } from './commands/runs.ts';
import { doctor, setup } from './commands/scripts.ts';
import { train } from './commands/train.ts';
import { exitCodes, UsageError } from './errors.ts';
import { ProgressReporter, type ProgressStream } from './progress.ts';

export interface CliStreams {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
}

// In the order in which they are used.
const commands = [
  setup,
  doctor,
  prepare,
  train,
  crossval,
  evaluate,
  predict,
  runs,
  data,
  config,
] as unknown as readonly Command<unknown>[];

// What the caller asked for cannot be, whatever the machine.
const wrongUsage = [UsageError, ConfigError, InvalidArgumentError];

/** Runs one command line (without `node` and the script) and resolves with the exit code; never throws. */
export async function runCli(words: readonly string[], streams: CliStreams, signal: AbortSignal): Promise<number> {
  const { stdout, stderr } = streams;
  const debug = words.includes('--debug') || process.env['AUTOBIRD_DEBUG'] === '1';
  const progress = new ProgressReporter(stderr);
  let exitCode: number = exitCodes.ok;
  const start = (command: Command<unknown>) => async (args: { readonly json?: boolean }) => {
    const io: CommandIo = {
      out: (text) => stdout.write(text),
      outIsTerminal: stdout.isTTY ?? false,
      progress,
      signal,
      width: stdout.columns ?? 100,
      json: args.json ?? false,
    };
    exitCode = (await command.run(args, io)) ?? exitCodes.ok;
  };
  try {
    // Their scripts have options and help texts of their own.
    const script = [setup, doctor].find(({ command }) => command === words[0]);
    if (script) return await script.runWords(words.slice(1));
    const cli = build(stdout.columns ?? 100);
    for (const command of commands) {
      const { command: words, describe } = command;
      cli.command({
        command: words,
        describe,
        builder: (builder) => command.builder(builder) as Argv,
        handler: start(command),
      });
    }
    // yargs hands help and version texts over instead of printing them.
    await cli.parseAsync([...words], {}, (_error, _args, text) => {
      if (text !== '') stdout.write(`${text}\n`);
    });
  } catch (error) {
    progress.end();
    if (signal.aborted) return exitCodes.interrupted;
    stderr.write(`autobird: ${describe(error, debug)}\n`);
    return wrongUsage.some((kind) => error instanceof kind) ? exitCodes.usage : exitCodes.failed;
  }
  return exitCode;
}

function build(width: number): Argv {
  return yargs()
    .scriptName('autobird')
    .usage('$0 <command> [options]\n\nTurns folders of recordings into a bird-sound classifier.')
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(120, width))
    .strict()
    .recommendCommands()
    .demandCommand(1, 'Expected a command')
    .parserConfiguration({
      'parse-positional-numbers': false,
      'duplicate-arguments-array': false,
      'greedy-arrays': false,
      'dot-notation': false,
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print one JSON value for machines' })
    .option('debug', {
      type: 'boolean',
      default: false,
      describe: 'Show where an error comes from (or AUTOBIRD_DEBUG=1)',
    })
    .group(['config-dir', 'json', 'debug', 'help', 'version'], 'Everywhere:')
    .exitProcess(false)
    .epilogue('autobird <command> --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage.')
    .fail((message, error) => {
      throw error ?? new UsageError(`${message}\nSee autobird --help, or autobird <command> --help.`);
    });
}

function describe(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug) return error.stack ?? error.message;
  if (error instanceof AutobirdError || 'syscall' in error) return error.message;
  return `${error.message}\nThis should not happen. Run the command again with --debug and report what it prints.`;
}
