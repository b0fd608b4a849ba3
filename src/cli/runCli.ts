/** The command line without its process: what `main.ts` starts and tests call. */
import yargs, { type Argv } from 'yargs';
import { AutobirdError, InvalidArgumentError } from '../../bindings/errors.ts';
import { ConfigError } from '../config/ConfigError.ts';
import { packageVersion } from '../packageRoot.ts';
import { nearest } from '../suggest.ts';
import { type Command, type CommandIo, declare } from './command.ts';
import { config } from './commands/config.ts';
import { crossval } from './commands/crossval.ts';
import { data } from './commands/data.ts';
import { drift } from './commands/drift.ts';
import { evaluate } from './commands/evaluate.ts';
import { jobs } from './commands/jobs.ts';
import { key } from './commands/key.ts';
import { log } from './commands/log.ts';
import { predict } from './commands/predict.ts';
import { prepare } from './commands/prepare.ts';
import { runs } from './commands/runs.ts';
import { doctor, setup } from './commands/scripts.ts';
import { serve } from './commands/serve.ts';
import { train } from './commands/train.ts';
import { exitCodes, UsageError } from './errors.ts';
import { ProgressReporter, type ProgressStream } from './progress.ts';
import { systemErrorSentence } from './systemErrors.ts';

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
  serve,
  key,
  log,
  jobs,
  drift,
  runs,
  data,
  config,
] as unknown as readonly Command<unknown>[];

/** What yargs itself does not understand. */
class YargsMessage extends UsageError {}

// Errors of the request itself: on no machine could it work.
const wrongUsage = [UsageError, ConfigError, InvalidArgumentError];

/** Runs one command line (without `node` and the script) and resolves with the exit code; never throws. */
export async function runCli(words: readonly string[], streams: CliStreams, signal: AbortSignal): Promise<number> {
  const { stdout, stderr } = streams;
  const debug = words.includes('--debug') || process.env['AUTOBIRD_DEBUG'] === '1';
  const progress = new ProgressReporter(stderr);
  let exitCode: number = exitCodes.ok;
  const start = (command: Command<unknown>) => async (args: object) => {
    const io: CommandIo = {
      out: (text) => stdout.write(text),
      outIsTerminal: stdout.isTTY ?? false,
      progress,
      signal,
      width: stdout.columns ?? 100,
      json: (args as { readonly json?: boolean }).json ?? false,
    };
    refuseRepeated(args, command);
    exitCode = (await command.run(args, io)) ?? exitCodes.ok;
  };
  try {
    // Their scripts have options and help texts of their own.
    const script = [setup, doctor].find(({ command }) => command === words[0]);
    if (script) return await script.runWords(words.slice(1));
    const cli = build(stdout.columns ?? 100);
    for (const command of commands) {
      const { command: pattern, describe } = command;
      const builder = (argv: Argv<object>) => declare(argv, command);
      cli.command<object>({ command: pattern, describe, builder, handler: start(command) });
    }
    // yargs hands help and version texts over instead of printing them.
    await cli.parseAsync(withoutDashes(words), {}, (_error, _args, text) => {
      if (text !== '') stdout.write(`${tidy(text)}\n`);
    });
  } catch (error) {
    progress.end();
    const command = commands.find((one) => one.command.split(' ')[0] === words[0]);
    if (signal.aborted) {
      stderr.write(command?.resumes ? 'Stopped: the same command goes on where it was.\n' : 'Stopped.\n');
      return exitCodes.interrupted;
    }
    const shown = error instanceof YargsMessage ? new UsageError(explain(error.message, words, command)) : error;
    stderr.write(`autobird: ${describe(shown, debug)}\n`);
    return wrongUsage.some((kind) => error instanceof kind) ? exitCodes.usage : exitCodes.failed;
  }
  return exitCode;
}

/** What follows `--` is no option: a path that begins with a dash gets the folder that it is in. */
function withoutDashes(words: readonly string[]): string[] {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  return [...words.slice(0, end), ...words.slice(end + 1).map((word) => (word.startsWith('-') ? `./${word}` : word))];
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
      'greedy-arrays': false,
      'dot-notation': false,
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print one JSON value for machines' })
    .option('debug', {
      type: 'boolean',
      default: false,
      describe: 'Show where an error comes from (or AUTOBIRD_DEBUG=1)',
    })
    .updateStrings({ 'Options:': 'Everywhere:' })
    .exitProcess(false)
    .epilogue('autobird <command> --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage.')
    .fail((message, error) => {
      // Its own complaints about arguments come as errors too.
      throw error === undefined || error.name === 'YError' ? new YargsMessage(message ?? error.message) : error;
    });
}

/** yargs says that a list of words is empty by default: users need not read that. */
function tidy(help: string): string {
  return help.replace(/\n? +\[array\](?: \[required\])? \[default: \[\]\]/g, '');
}

const noSweeps = ': autobird runs no sweeps. Run the command once for each value';

/** Options of Hydra's applications, and what there is here in their place. */
const hydraOptions: Readonly<Record<string, string>> = {
  m: noSweeps,
  multirun: noSweeps,
  cfg: ': autobird config show prints the configuration',
  info: ': autobird config show prints the configuration',
  'config-path': ': did you mean --config-dir?',
  'config-name': ': give experiment=NAME, with --config-dir for a file of your own',
};

/** A message of yargs, with the nearest option or the words that are missing. */
function explain(message: string, words: readonly string[], command: Command<unknown> | undefined): string {
  const see = `See autobird ${command === undefined ? '' : `${command.command.split(' ')[0]} `}--help.`;
  const unknown = /^Unknown arguments?: (.+)$/m.exec(message)?.[1];
  if (unknown !== undefined && command !== undefined) {
    const known = [...Object.keys(command.options ?? {}), 'json', 'debug', 'help', 'version'];
    const lines = unknown.split(', ').map((name) => {
      const [near] = nearest(name, known);
      const hint = hydraOptions[name] ?? (near === undefined ? '' : `: did you mean --${near}?`);
      return `Unknown option ${name.length === 1 ? '-' : '--'}${name}${hint}`;
    });
    return `${lines.join('\n')}\n${see}`;
  }
  const choice = /^Invalid values:\s+Argument: (\S+), Given: "(.*)", Choices: (.+)$/m.exec(message);
  if (choice !== null && command !== undefined) {
    const [, name = '', given = '', list = ''] = choice;
    const choices = list.split(', ').map((text) => text.replace(/^"|"$/g, ''));
    const [near] = nearest(given, choices);
    const option = name in (command.options ?? {}) ? `--${name}` : name;
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    return `Expected one of ${choices.join(', ')} for ${option} but received ${JSON.stringify(given)}${hint}\n${see}`;
  }
  if (/^Not enough non-option arguments/.test(message) && command !== undefined) {
    return `Expected autobird ${command.command}\n${see}`;
  }
  const wrongCommand = /^Did you mean|^Unknown argument/.test(message);
  return `${wrongCommand ? `There is no command ${words[0]}. ` : ''}${message}\n${see}`;
}

/** `--name a --name b`: only lists may be given in pieces. */
function refuseRepeated(args: object, { options = {} }: Command<unknown>): void {
  for (const [name, value] of Object.entries(args)) {
    if (Array.isArray(value) && name in options && !options[name]?.array) {
      throw new UsageError(`Expected --${name} once but received it ${value.length} times: ${value.join(', ')}`);
    }
  }
}

function describe(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug) return error.stack ?? error.message;
  const sentence = systemErrorSentence(error);
  if (sentence !== undefined) return sentence;
  if (error instanceof AutobirdError || 'syscall' in error) return error.message;
  return `${error.message}\nThis should not happen. Run the command again with --debug and report what it prints.`;
}
