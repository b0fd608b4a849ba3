/** Names of result files in an output folder: each belongs to one recording. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import type { FormatContext, OutputFormat } from '../formats/index.ts';
import { counted } from '../formats/percentAndClock.ts';
import type { Journal, OwnedFile } from './Journal.ts';
import { resultText } from './writeOutput.ts';

/** What lies beside the files of recordings. */
const reserved = ['journal.jsonl', 'journal.jsonl.lock', 'errors.csv'];

export interface NamedOutputs {
  /** The file of each recording, by the recording's path as given. */
  readonly files: ReadonlyMap<string, string>;
  /** Recordings whose first name belongs to another one. */
  readonly renamed: readonly string[];
}

/**
 * Names a file for each recording and writes that down in the journal. The name is the path below `context.root` and the
 * format's extension; the whole name is kept, because `a.wav` and `a.mp3` are two recordings. Where that is another
 * recording's, folders above are added until the name is free: `x.WAV.csv`, `cardB/x.WAV.csv`, `june/cardB/x.WAV.csv`. A
 * recording that has a name in the journal keeps it.
 *
 * @throws AutobirdError `output_exists` where a new journal meets files of these names
 */
export async function nameOutputs(
  journal: Journal,
  folder: string,
  recordings: readonly string[],
  format: OutputFormat,
  context: FormatContext,
  { restart }: { readonly restart: boolean },
): Promise<NamedOutputs> {
  const files = new Map<string, string>();
  const renamed: string[] = [];
  const claims = new Map<string, OwnedFile>();
  const strangers: string[] = [];
  /** Whether the file, which the journal does not know, may be written. */
  const isFree = async (name: string, recording: string): Promise<boolean> => {
    const path = join(folder, name);
    if (restart || (await stat(path).catch(() => null)) === null) return true;
    if (!journal.wasThere) {
      strangers.push(name);
      return true;
    }
    // Earlier versions did not write down whose a file is: it is this recording's where it holds what it would hold.
    for await (const result of journal.results([recording])) {
      return (await readFile(path, 'utf8')) === resultText(result, format, context);
    }
    return false;
  };
  for (const recording of recordings) {
    const known = journal.nameOf(recording, format.name);
    if (known !== undefined) {
      files.set(recording, join(folder, known));
      continue;
    }
    const names = namesFor(resolve(recording), context.root, format.extension);
    for (const [i, name] of names.entries()) {
      if (reserved.includes(name) || journal.ownerOf(name) !== undefined || claims.has(name)) continue;
      if (!(await isFree(name, recording))) continue;
      claims.set(name, { name, format: format.name, recording: resolve(recording) });
      files.set(recording, join(folder, name));
      if (i > 0) renamed.push(recording);
      break;
    }
  }
  if (strangers.length > 0) {
    throw new AutobirdError(
      'output_exists',
      `${folder} holds ${counted(strangers.length, 'file')} of these recordings already, and no journal that knows them (${strangers[0]}): give another --output, or --restart to write over them`,
    );
  }
  await journal.own([...claims.values()]);
  return { files, renamed };
}

/** Names of a recording, best first; the last one has a hash of its whole path and belongs to no other recording. */
function namesFor(recording: string, root: string, extension: string): string[] {
  const names: string[] = [];
  for (let above = root; ; above = dirname(above)) {
    names.push(`${relative(above, recording)}${extension}`);
    if (above === dirname(above)) break;
  }
  const hash = createHash('sha256').update(recording).digest('hex').slice(0, 8);
  return [...names, `${relative(root, recording)}.${hash}${extension}`];
}
