import { type FileHandle, open, stat } from 'node:fs/promises';
import { AudioError } from '../../bindings/errors.ts';

/** Bytes at an offset of a file or of a buffer. */
export interface SourceBytes extends AsyncDisposable {
  readonly size: number;
  /** Up to `count` bytes; fewer at the end only. */
  readAt(offset: number, count: number): Promise<Uint8Array>;
  /** Fills `target` and gives the part of it that was filled, or the bytes where they lie in memory. */
  readInto(target: Buffer, offset: number): Promise<Buffer>;
}

/** Throws AudioError `unreadable` or `empty_file`. */
export async function openBytes(source: string | Uint8Array): Promise<SourceBytes> {
  if (typeof source !== 'string') {
    if (source.length === 0) throw emptyFile();
    return {
      size: source.length,
      readAt: async (offset, count) => source.subarray(offset, offset + count),
      readInto: async (target, offset) => {
        const part = source.subarray(offset, offset + target.length);
        return Buffer.from(part.buffer, part.byteOffset, part.length);
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }
  let handle: FileHandle | undefined;
  try {
    // Checked before opening: opening a named pipe would wait for a writer.
    const status = await stat(source);
    if (status.isDirectory()) throw new AudioError('unreadable', 'This is a directory, not a recording');
    if (!status.isFile()) throw new AudioError('unreadable', 'This is not a regular file');
    if (status.size === 0) throw emptyFile();
    const file = await open(source, 'r');
    handle = file;
    return {
      size: status.size,
      readAt: async (offset, count) => {
        const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, offset).catch(rethrow);
        return buffer.subarray(0, bytesRead);
      },
      readInto: async (target, offset) => {
        const { bytesRead } = await file.read(target, 0, target.length, offset).catch(rethrow);
        return target.subarray(0, bytesRead);
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await handle?.close();
    return rethrow(error);
  }
}

function emptyFile(): AudioError {
  return new AudioError('empty_file', 'The file has no bytes: copy it again or leave it out');
}

function rethrow(error: unknown): never {
  if (error instanceof AudioError) throw error;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const reason: Readonly<Record<string, string>> = {
    ENOENT: 'There is no such file: check the path',
    EACCES: 'The file may not be read (permission denied): change its permissions',
    EPERM: 'The file may not be read (permission denied): change its permissions',
    ELOOP: 'The path is a loop of symbolic links',
    ENAMETOOLONG: 'The path is longer than this system allows',
  };
  throw new AudioError('unreadable', reason[code] ?? `The file could not be read (${code})`, { cause: error });
}
