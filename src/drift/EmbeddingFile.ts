/** Embeddings of one side: what does not fit into a small buffer is in a temporary file, so that memory does not grow. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisposedError, InvalidArgumentError } from '../../bindings/errors.ts';
import type { EmbeddingStore } from './DriftRows.ts';

/** 1 MiB: most sides never become a file. */
const bufferNumbers = 1 << 18;
const numberBytes = Float32Array.BYTES_PER_ELEMENT;

/** Where one was forgotten: the file itself has no name any more. */
const collected = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** Adding throws the errors of the system where the folder of temporary files (TMPDIR) is full or not writable. */
export class EmbeddingFile implements EmbeddingStore, Disposable {
  #length = 0;
  #width = 0;
  /** The newest, of which there are `#length - #written`. */
  #buffer: Float32Array | null = null;
  /** Embeddings in the file. */
  #written = 0;
  #fd: number | null = null;
  #disposed = false;

  get length(): number {
    return this.#length;
  }

  /** @throws InvalidArgumentError for one of another width than the first */
  push(embedding: Float32Array): void {
    this.#throwIfDisposed();
    if (this.#length === 0) this.#width = embedding.length;
    if (embedding.length !== this.#width) {
      throw new InvalidArgumentError(
        `Expected an embedding of ${this.#width} numbers as the first but received one of ${embedding.length}`,
      );
    }
    this.#buffer ??= new Float32Array(Math.max(bufferNumbers, this.#width));
    if ((this.#length - this.#written + 1) * this.#width > this.#buffer.length) this.#write(this.#buffer);
    this.#buffer.set(embedding, (this.#length - this.#written) * this.#width);
    this.#length++;
  }

  at(place: number): Float32Array | undefined {
    this.#throwIfDisposed();
    if (!(place >= 0 && place < this.#length)) return undefined;
    const start = (place - this.#written) * this.#width;
    if (start >= 0) return this.#buffer?.slice(start, start + this.#width);
    const embedding = new Float32Array(this.#width);
    const bytes = new Uint8Array(embedding.buffer);
    const position = place * bytes.length;
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#fd as number, bytes, done, bytes.length - done, position + done);
      if (read === 0) throw new Error('The temporary file of the embeddings was cut off');
      done += read;
    }
    return embedding;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#buffer = null;
    if (this.#fd === null) return;
    collected.unregister(this);
    closeSync(this.#fd);
    this.#fd = null;
  }

  #write(buffer: Float32Array): void {
    this.#fd ??= this.#open();
    const count = this.#length - this.#written;
    const bytes = new Uint8Array(buffer.buffer, 0, count * this.#width * numberBytes);
    const position = this.#written * this.#width * numberBytes;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
    this.#written = this.#length;
  }

  /** Its name is removed at once: whatever ends the process leaves nothing behind. */
  #open(): number {
    const path = join(tmpdir(), `autobird-embeddings-${randomBytes(6).toString('hex')}`);
    const fd = openSync(path, 'wx+', 0o600);
    collected.register(this, fd, this);
    rmSync(path);
    return fd;
  }

  #throwIfDisposed(): void {
    if (this.#disposed) throw new DisposedError('The side of these embeddings');
  }
}
