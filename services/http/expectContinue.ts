/**
 * With `Expect: 100-continue` a client waits for leave to send its body. Node sends `100 Continue` before any hook has seen the
 * headers; here it is sent when a route begins to read the body, so that a refused body is never sent.
 */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

export function handleExpectContinue(app: FastifyInstance): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    request._read = function firstRead(size) {
      request._read = IncomingMessage.prototype._read;
      // After a refusal Node reads what is left to throw it away.
      if (!response.headersSent) response.writeContinue();
      request._read(size);
    };
    app.server.emit('request', request, response);
  });
}
