/** What the operating system refuses, in a sentence that says what to do. */

type SystemError = NodeJS.ErrnoException & {
  readonly dest?: string;
  readonly address?: string;
  readonly port?: number;
};

const sentences: Readonly<Record<string, (where: string) => string>> = {
  ENOENT: (where) => `There is no ${where}: check the name`,
  ENOTDIR: (where) => `A part of ${where} is a file where a folder is expected: check the name`,
  EISDIR: (where) => `${where} is a folder where a file is expected: give the name of a file`,
  EACCES: (where) => `This user may not read or write ${where}: check its permissions, or choose another place`,
  EPERM: (where) => `This user may not change ${where}: check its owner, or choose another place`,
  EROFS: (where) => `${where} is on a file system that cannot be written: choose another place`,
  ENOSPC: (where) => `The disk is full at ${where}: make room, or choose another place`,
  EDQUOT: (where) => `The disk quota is used up at ${where}: make room, or choose another place`,
  EEXIST: (where) => `${where} is there already: choose another name`,
  ENOTEMPTY: (where) => `The folder ${where} is not empty: choose another one`,
  ENAMETOOLONG: (where) => `The name ${where} is too long for this file system: choose a shorter one`,
  ELOOP: (where) => `${where} is a link that leads to itself: check it`,
  EIO: (where) => `The disk failed at ${where}: check the drive, its cable or the card`,
  EMFILE: (where) => `Too many files are open to open ${where}: raise the limit (ulimit -n 4096), or use fewer workers`,
  ENFILE: (where) => `The machine has too many open files to open ${where}: end other programs first`,
  EADDRINUSE: (where) => `Another program is at ${where}: choose another port, or end that program`,
  EADDRNOTAVAIL: (where) => `This machine has no address ${where}: give one of its own, 127.0.0.1 or 0.0.0.0`,
  ECONNREFUSED: (where) => `There is no service at ${where}: check the address, and that the program there runs`,
};

/** The sentence; undefined for what is not a known refusal of the operating system. */
export function systemErrorSentence(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const { code = '', path, dest, address, port, syscall } = error as SystemError;
  const place =
    dest ?? path ?? (address === undefined ? undefined : `${address}${port === undefined ? '' : `:${port}`}`);
  return sentences[code]?.(place ?? `what ${syscall} needs`);
}
