import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { WebSocket } from 'ws';

/** Sound that was not predicted yet; a client that is further ahead has to wait. */
const bufferedBytes = 2 ** 18;

/** The sound that a client sends, with a bounded buffer: the socket is not read while it is full. */
export class SocketAudio extends Readable {
  readonly #socket: WebSocket;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #isEnded = false;

  constructor(socket: WebSocket) {
    super({ highWaterMark: bufferedBytes });
    this.#socket = socket;
  }

  /** Whether the client has sent its last message. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Of all that came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** SHA-256 of all that came, hex. */
  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  receive(message: Buffer): void {
    if (this.destroyed) return;
    this.#bytes += message.byteLength;
    this.#hash.update(message);
    if (!this.push(message)) this.#socket.pause();
  }

  /** Nothing more will come. */
  end(): void {
    this.#isEnded = true;
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#socket.resume();
  }
}
