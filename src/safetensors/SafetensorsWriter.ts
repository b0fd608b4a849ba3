import { InvalidArgumentError } from '../../bindings/errors.ts';
import type { NamedTensor, TensorDtype } from '../../bindings/native.ts';
import { explained, openPending, type PendingFile, writeAll } from '../files.ts';
import { elementBytes, encodeHeader, metadataKey, shapeBytes } from './header.ts';

interface Written {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

const defaultReservedBytes = 4096;

/**
 * Writes a safetensors file whose lengths are not known at the start. Space for the header is reserved (and grown at the
 * end, by copying, in the rare case that it does not suffice). The file appears when `finish` is done, whole, or never.
 *
 * Where a tensor would not be aligned to its elements after the one before it, a U8 tensor `padding.<n>` fills the gap,
 * because the format allows no holes and readers map the bytes.
 *
 * ```ts
 * const writer = await SafetensorsWriter.create(path);
 * try {
 *   writer.begin('pcm', 'I16');
 *   for await (const block of blocks) await writer.append(block);
 *   writer.end();
 *   await writer.add({ name: 'scale', dtype: 'F32', shape: [scales.length], data: bytesOf(scales) });
 *   await writer.finish({ format: 'autobird-shard' });
 * } finally {
 *   await writer.discard();
 * }
 * ```
 */
export class SafetensorsWriter {
  readonly #path: string;
  #pending: PendingFile;
  #reserved: number;
  #payloadBytes = 0;
  readonly #tensors: Written[] = [];
  #current: { readonly name: string; readonly dtype: TensorDtype; readonly start: number } | undefined;

  private constructor(path: string, pending: PendingFile, reserved: number) {
    this.#path = path;
    this.#pending = pending;
    this.#reserved = reserved;
  }

  /** `reservedBytes` (4096): space for length and header together. Throws like `writeFileAtomic`. */
  static async create(path: string, options: { readonly reservedBytes?: number } = {}): Promise<SafetensorsWriter> {
    const reserved = Math.max(16, Math.ceil((options.reservedBytes ?? defaultReservedBytes) / 8) * 8);
    return new SafetensorsWriter(path, await openPending(path), reserved);
  }

  /** Starts a tensor of one dimension; its bytes follow by `append`. */
  async begin(name: string, dtype: TensorDtype): Promise<void> {
    if (this.#current !== undefined)
      throw new InvalidArgumentError(`Expected end() of ${this.#current.name} before ${name}`);
    if (name === metadataKey || this.#tensors.some((tensor) => tensor.name === name)) {
      throw new InvalidArgumentError(`Expected a new tensor name but received ${JSON.stringify(name)}`);
    }
    const excess = this.#payloadBytes % elementBytes(dtype);
    if (excess > 0) {
      const start = this.#payloadBytes;
      const length = elementBytes(dtype) - excess;
      await this.#write(new Uint8Array(length));
      const padding = `padding.${this.#tensors.length}`;
      this.#tensors.push({ name: padding, dtype: 'U8', shape: [length], start, end: start + length });
    }
    this.#current = { name, dtype, start: this.#payloadBytes };
  }

  /** More bytes of the tensor: little-endian elements. */
  async append(data: Uint8Array): Promise<void> {
    if (this.#current === undefined) throw new InvalidArgumentError('Expected begin() before append()');
    await this.#write(data);
  }

  /** Ends the tensor; `shape` is one dimension unless given. Throws InvalidArgumentError where the bytes do not fit it. */
  end(shape?: readonly number[]): void {
    if (this.#current === undefined) throw new InvalidArgumentError('Expected begin() before end()');
    const { name, dtype, start } = this.#current;
    const bytes = this.#payloadBytes - start;
    const actual = shape ?? [bytes / elementBytes(dtype)];
    if (shapeBytes(dtype, actual) !== bytes) {
      throw new InvalidArgumentError(
        `Expected bytes for ${dtype} [${actual.join(', ')}] in ${name} but received ${bytes}`,
      );
    }
    this.#tensors.push({ name, dtype, shape: actual, start, end: this.#payloadBytes });
    this.#current = undefined;
  }

  /** Adds a whole tensor. */
  async add(tensor: NamedTensor): Promise<void> {
    await this.begin(tensor.name, tensor.dtype);
    await this.append(tensor.data);
    this.end(tensor.shape);
  }

  /** Writes the header, syncs and puts the file in place. */
  async finish(metadata: Readonly<Record<string, string>>): Promise<void> {
    if (this.#current !== undefined)
      throw new InvalidArgumentError(`Expected end() of ${this.#current.name} before finish()`);
    await explained(this.#path, async () => {
      const header = encodeHeader(this.#tensors, metadata, this.#reserved);
      if (header.byteLength > this.#reserved) await this.#moveTo(header.byteLength);
      await writeAll(this.#pending.handle, header, 0);
    });
    await this.#pending.commit();
  }

  /** Removes what was written so far; harmless after `finish`. */
  async discard(): Promise<void> {
    await this.#pending.discard();
  }

  async #write(data: Uint8Array): Promise<void> {
    await explained(this.#path, () => writeAll(this.#pending.handle, data, this.#reserved + this.#payloadBytes));
    this.#payloadBytes += data.byteLength;
  }

  /** The payload again in another pending file, behind a longer header. */
  async #moveTo(reserved: number): Promise<void> {
    const old = this.#pending;
    const next = await openPending(this.#path);
    try {
      const buffer = Buffer.allocUnsafe(1 << 20);
      for (let done = 0; done < this.#payloadBytes; ) {
        const { bytesRead } = await old.handle.read(buffer, 0, buffer.byteLength, this.#reserved + done);
        await writeAll(next.handle, buffer.subarray(0, bytesRead), reserved + done);
        done += bytesRead;
      }
    } catch (error) {
      await next.discard();
      throw error;
    }
    await old.discard();
    this.#pending = next;
    this.#reserved = reserved;
  }
}
