import { IncomingMessage } from 'node:http';

const offered = Symbol('upgrade');

/**
 * A request that leaves HTTP for WebSockets only. Where something listens for upgrades Node takes every connection that
 * offers one out of HTTP, and with it the body: clients that offer HTTP/2 in passing (Java's, `curl --http2`) would never be
 * answered. Without this they would have to be told not to.
 */
export class WebSocketUpgrade extends IncomingMessage {
  declare [offered]: boolean | null;

  // Node says here what the parser found, and asks when the headers are there.
  get upgrade(): boolean {
    return this[offered] === true && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(value: boolean | null) {
    this[offered] = value;
  }
}
