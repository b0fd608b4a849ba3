import { IncomingMessage } from 'node:http';

const offered = Symbol('upgrade');

/**
 * A request that counts as an upgrade for WebSockets only. A server with a listener for upgrades takes every connection that
 * offers one out of HTTP, and its body with it: clients that also offer HTTP/2 (Java's, `curl --http2`) would get no response.
 */
export class WebSocketUpgrade extends IncomingMessage {
  declare [offered]: boolean | null;

  // Node sets what the parser found, and reads it when the headers are there.
  get upgrade(): boolean {
    return this[offered] === true && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(value: boolean | null) {
    this[offered] = value;
  }
}
