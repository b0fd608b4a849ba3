import { WebSocket } from 'ws';

export interface LiveMessage {
  readonly type: string;
  readonly start_s?: number;
  readonly end_s?: number;
  readonly at?: string | null;
  readonly top?: readonly { readonly label: string; readonly score: number }[];
  readonly detections?: readonly { readonly label: string; readonly start_s: number; readonly end_s: number }[];
  readonly duration_s?: number;
  readonly clips?: number;
  readonly code?: string;
  readonly message?: string;
}

/** A client of `/v1/live` on a real socket. */
export class LiveClient {
  readonly socket: WebSocket;
  /** In the order of their arrival. */
  readonly messages: LiveMessage[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #opened: Promise<void>;
  #wake = () => {};

  constructor(url: string, headers: Record<string, string> = {}, protocols: readonly string[] = []) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/live`, [...protocols], { headers });
    this.socket = socket;
    this.#opened = new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    this.#opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      });
    });
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as LiveMessage);
      this.#wake();
    });
  }

  /** Sends an object as JSON, text and bytes as they are. @throws where the server refused the connection */
  async send(message: object | string): Promise<void> {
    await this.#opened;
    const asIs = typeof message === 'string' || message instanceof Uint8Array;
    this.socket.send(asIs ? message : JSON.stringify(message));
  }

  /** Resolves with the first `count` messages when they are there. @throws where the connection ends before */
  async until(count: number): Promise<readonly LiveMessage[]> {
    while (this.messages.length < count) {
      if (this.socket.readyState === WebSocket.CLOSED) {
        throw new Error(`closed after ${this.messages.length} messages: ${JSON.stringify(this.messages.at(-1))}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages;
  }
}
