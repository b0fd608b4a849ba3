import { runCli } from '../../src/cli/runCli.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process; `columns` pretends to be a terminal. */
export async function runCommand(
  words: readonly string[],
  { columns, signal = new AbortController().signal }: { columns?: number; signal?: AbortSignal } = {},
): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    ...(columns !== undefined && { isTTY: true, columns }),
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await runCli(words, { stdout: stream('stdout'), stderr: stream('stderr') }, signal);
  return { code, ...written };
}
